"""What handlers begin and don't wait for."""

import asyncio

from telegram.ext import ApplicationBuilder, CallbackContext

from bot.errands import Errands


async def test_an_errand_ends_with_the_bot_and_none_begins_after_it() -> None:
    """A handler that is still under way while the bot stops leaves nothing behind."""
    steps = []

    async def errand(name: str) -> None:
        steps.append(f"{name} begins")
        try:
            await asyncio.Event().wait()
        finally:
            steps.append(f"{name} ends")

    application = ApplicationBuilder().token("1:unheard").build()
    context = CallbackContext(application)
    errands = Errands()
    application._running = True
    errands.start(errand("first"), None, context)  # type: ignore[arg-type]
    await asyncio.sleep(0)
    application._running = False
    await errands.shutdown()
    errands.start(errand("second"), None, context)  # type: ignore[arg-type]
    await asyncio.sleep(0)
    assert steps == ["first begins", "first ends"]
