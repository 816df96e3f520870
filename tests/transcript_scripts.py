"""What people say in the transcripts, in each language; the bot's words are its own."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Script:
    """The words of one language's private chat and group."""

    title: str
    private_title: str
    group_title: str
    group: str
    """The group's name."""
    people: tuple[str, str, str]
    """Who talks to the bot alone and adds it to the group; two others of the group."""

    greeting: str
    question: str
    """Answered by an article in another language."""
    of_a_long_passage: str
    """Answered in the middle of a passage that is too long to be shown whole."""
    organisation: str
    follow_up: str
    """About the organisation, and about nothing without the question before."""
    doubtful: str
    """Of which the bot isn't sure."""
    unanswered: str
    """About what the articles are about, though none has the answer."""
    about_an_article: str
    """About the first article of the list."""
    thanks: str

    group_question: str
    group_chat: str
    """Not for the bot."""
    group_reply: str
    """To the bot's answer."""
    asked_into_the_group: str
    """Handed to the bot by somebody else."""
    group_mention: str
    edited_mention: str
    """What becomes of it."""
    group_thanks: str
    own_language: str
    """As the language calls itself."""


SCRIPTS = {
    "en": Script(
        title="Talking with the bot in English",
        private_title="A private chat",
        group_title="A group",
        group="Climate Club",
        people=("Anna", "Tom", "Priya"),
        greeting="Hi!",
        question="How many organisations are in the new low-carbon alliance?",
        of_a_long_passage="How many meetings are planned at the pavilion?",
        organisation="What is “Sauvons le climat”?",
        follow_up="And who is its president?",
        doubtful="How many companies are on the list?",
        unanswered="How much electricity does the smelter use?",
        about_an_article="Which countries are in the alliance?",
        thanks="Thank you!",
        group_question="Which Kazakh company has got an integrated environmental permit?",
        group_chat="Interesting, I had no idea",
        group_reply="And who is Yermek Umarov?",
        asked_into_the_group="Does anybody know who the Kyrgyz ambassador in France is?",
        group_mention="who heads I4CE?",
        edited_mention="who heads “Sauvons le climat”?",
        group_thanks="thanks",
        own_language="English",
    ),
    "ru": Script(
        title="Разговоры с ботом по-русски",
        private_title="Личный чат",
        group_title="Группа",
        group="Зелёный Бишкек",
        people=("Ольга", "Тимур", "Айгуль"),
        greeting="Здравствуйте!",
        question="Кто руководит институтом I4CE?",
        of_a_long_passage="Сколько встреч запланировано в павильоне?",
        organisation="Что такое «Sauvons le climat»?",
        follow_up="А кто её президент?",
        doubtful="Кто снял фильм о свалке в Бишкеке?",
        unanswered="Кто будет платить за зелёные проекты?",
        about_an_article="Какие страны участвуют?",
        thanks="Спасибо!",
        group_question="Сколько организаций объединяет новый Альянс?",
        group_chat="Ого, не знал",
        group_reply="Что сказал Сакен Калкаманов?",
        asked_into_the_group="Кто-нибудь знает, когда основали Green Alliance KG?",
        group_mention="кто руководит I4CE?",
        edited_mention="кто руководит «Sauvons le climat»?",
        group_thanks="спасибо",
        own_language="Русский",
    ),
    "kk": Script(
        title="Ботпен қазақша сөйлесу",
        private_title="Жеке чат",
        group_title="Топ",
        group="Жасыл Алматы",
        people=("Айгүл", "Ерлан", "Дана"),
        greeting="Сәлеметсіз бе!",
        question="Жаңа Альянсқа қанша ұйым кіреді?",
        of_a_long_passage="Павильонда қанша кездесу жоспарланған?",
        organisation="«Sauvons le climat» деген қандай ұйым?",
        follow_up="Ал оның президенті кім?",
        doubtful="Бішкектегі қоқыс алаңы туралы фильмді кім түсірді?",
        unanswered="Жасыл жобаларға кім ақша береді?",
        about_an_article="Қандай елдер қатысады?",
        thanks="Рақмет!",
        group_question="Green Alliance KG қашан құрылды?",
        group_chat="Қызық екен, білмеппін",
        group_reply="Ал директоры Парижде кіммен кездесті?",
        asked_into_the_group="Клод Жандрон кім екенін білетіндер бар ма?",
        group_mention="I4CE институтын кім басқарады?",
        edited_mention="«Sauvons le climat» ұйымын кім басқарады?",
        group_thanks="рақмет",
        own_language="Қазақша",
    ),
    "ky": Script(
        title="Бот менен кыргызча сүйлөшүү",
        private_title="Жеке чат",
        group_title="Топ",
        group="Жашыл Бишкек",
        people=("Айжан", "Бакыт", "Нургүл"),
        greeting="Саламатсызбы!",
        question="Green Alliance KG директору Парижде ким менен жолукту?",
        of_a_long_passage="Павильондо канча жолугушуу пландалган?",
        organisation="«Sauvons le climat» деген кандай уюм?",
        follow_up="А анын президенти ким?",
        doubtful="Казакстанда кайсы завод экологиялык уруксат алды?",
        unanswered="Жашыл долбоорлорго ким акча берет?",
        about_an_article="Кайсы өлкөлөр катышат?",
        thanks="Рахмат!",
        group_question="Жаңы Альянска канча уюм кирет?",
        group_chat="Кызык экен, билчү эмесмин",
        group_reply="Сакен Калкаманов эмне деди?",
        asked_into_the_group="Клод Жандрон ким экенин билгендер барбы?",
        group_mention="I4CE институтун ким башкарат?",
        edited_mention="«Sauvons le climat» уюмун ким башкарат?",
        group_thanks="рахмат",
        own_language="Кыргызча",
    ),
}
