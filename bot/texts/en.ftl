# Everything that the bot says in English. The other languages have the same keys and placeholders.

start =
    Hello! Ask me a question, and I will answer with an exact quote from the articles I know and a link to the source.

    You can write in English, Russian, Kazakh or Kyrgyz.
help =
    Just write your question. I will find the passage that answers it, quote it word for word and name the source.

    In a group, write /ask and your question, reply to one of my messages, or mention @{ $bot }.
help-inline = In any other chat, type @{ $bot } and your question, and choose a passage to send.
help-commands =
    /articles – the articles I know
    /latest – the newest articles
    /language – choose the language
    /privacy – what I store about you
promise = I never make anything up: if the articles don't have the answer, I will say so.
group-hello =
    Hello! I answer questions with quotes from articles. Write /ask and your question, or reply to one of my messages. You can also mention @{ $bot }.
group-privacy =
    I may not see mentions of @{ $bot } in this group. To change that, my owner can turn off privacy mode (BotFather, /setprivacy) and add me to the group again, or you can make me an admin.
ask-how-to =
    Write your question after /ask, or send /ask as a reply to a message with a question. Mentioning @{ $bot } works the same way.

unsure = I'm not sure this answers your question; the closest I found:
not-found = I couldn't find an answer to that in the articles. Try asking in other words.
related = Perhaps related:
articles = Articles, the newest first:
follow-up = I took this together with your question before it.
another-passage = Passage { $number } of { $total }, which may help as well:
question-in-en = question in English
question-in-ru = question in Russian
question-in-kk = question in Kazakh
question-in-ky = question in Kyrgyz
source-in-en = source in English
source-in-ru = source in Russian
source-in-kk = source in Kazakh
source-in-ky = source in Kyrgyz
source-in-other = source in another language ({ $name })
button-whole = Whole passage
button-more = More passages
button-next = Next ▶
button-previous = ◀ Back
button-helpful = Helpful
button-not-helpful = Not helpful
button-share = Share
inline-nothing = Nothing found. Ask me in our chat
rated = Thank you, noted!
rated-too-late = Thank you! I don't keep this question any more, though.
passage-changed = This article has changed since. Please ask again.

articles-page =
    { $shown ->
        [1] Article { $last } of { $total }:
       *[other] Articles { $first }–{ $last } of { $total }, the newest first:
    }
articles-none = I don't know any articles yet. Please look in again a little later.
article-page = Page { $number } of { $total }
button-all-articles = All articles
button-ask-about = Ask about this
ask-about-prompt = Reply to this message with your question about “{ $title }”.

greeting = Hello! Ask me about what the articles say: who, what, when, where, how many. I answer with a quote and its source.
thanks = You're welcome! Ask me anything else about what the articles say: who, what, when, where, how many.
goodbye = Goodbye! When you have a question about what the articles say, just write.
okay = Good! If you have another question about what the articles say, just ask.
about =
    I am a bot. I answer questions with exact quotes from the articles I know, and name the source.

    Just write your question in English, Russian, Kazakh or Kyrgyz: who, what, when, where, how many. I never make anything up: if the articles don't have the answer, I will say so.
no-question = Please write your question in words.
too-long = That's too long for me. Please ask your question in a sentence or two.
only-text = I only understand text. Please write your question in words.
unknown-command = I don't know that command. Just write your question, or send /help.
error = Sorry, something went wrong. Please try again a little later.

language = Which language shall I talk to you in? “Automatic” is the language of your question.
language-automatic = Automatic
language-chosen = From now on I'll talk to you in English.
language-automatic-chosen = From now on I'll answer in the language of your question.

privacy-questions =
    I store your questions for { $days ->
        [one] { $days } day
       *[other] { $days } days
    }, so that my owners see what the articles don't answer yet: the text, its language, when and in what kind of chat you asked, whether I found an answer, in which article and how sure I was, and whether it helped you.
privacy-no-questions = I don't store your questions; I only have your last one in mind for a few minutes, to understand the next.
privacy =
    I also remember the language you chose with /language, and for two days which of my messages answers which of yours, so that I can correct an answer when you edit your question.

    I never store names, and instead of your Telegram ID only a code made from it with a secret key. Nothing leaves my server except what goes through Telegram itself.
button-forget = Delete my records
forget-ask = Delete everything I store about you: your questions, your ratings and your choice of language? This can't be undone.
button-forget-yes = Yes, delete everything
button-forget-no = No, keep it
forgotten = { $count ->
        [0] Done: I store nothing about you any more.
        [one] Done: I deleted { $count } question of yours and all else I had stored about you.
       *[other] Done: I deleted { $count } questions of yours and all else I had stored about you.
    }
all-forgotten = I have deleted everything I had stored about you.

bot-description =
    I answer questions with exact quotes from the articles I know, and link to the source. If the articles don't have the answer, I say so.

    Just write your question in English, Russian, Kazakh or Kyrgyz. I also work in groups, and in any other chat if you write my name and your question.
bot-short-description = I answer questions with exact quotes from articles and a link to the source.

reindex-started = Reading the articles again… This can take a while.
reindex-running = A reindex is already running. I'll report when it's done.
reindex-failed = The reindex failed: { $reason }
reindex-done =
    Done in { $seconds } s. The index has { $articles ->
        [one] { $articles } article
       *[other] { $articles } articles
    } and { $passages ->
        [one] { $passages } passage
       *[other] { $passages } passages
    }.
reindex-added = Added ({ $count }): { $names }
reindex-changed = Changed ({ $count }): { $names }
reindex-removed = Removed ({ $count }): { $names }
reindex-nothing-new = Nothing has changed.
reindex-faults = Files I couldn't use ({ $count }):

command-ask = Ask a question
command-articles = The articles I know
command-latest = The newest articles
command-language = Choose the language
command-privacy = What I store about you
command-help = How to use me
command-reindex = Read the articles again

# Whole messages that are no questions, separated by commas; case and punctuation don't matter.
# A message may consist of several. A phrase that more than one file has is answered in the person's
# language. No phrase may be a question about the world: "what's new" asks for news.
greeting-phrases =
    hi, hello, hey, hi there, hello there, hey there, hello bot, hi bot, hello everyone,
    hi everyone, hi all, good morning, good day, good afternoon, good evening, greetings,
    how are you, how are you doing, how are you today, how is it going, how's it going, what's up,
    whats up, nice to meet you
thanks-phrases =
    thanks, thank you, thank you very much, thank you so much, thanks a lot, thanks so much,
    many thanks, thank u, thx, ty, cheers, thank you for your help, thanks for your help,
    thank you for the answer, thanks for the answer, much appreciated, that helped
about-phrases =
    who are you, what are you, what can you do, what do you do, what do you know,
    what else can you do, what are you for, what can i ask, what can i ask you,
    what can i ask about, what can i ask you about, what questions can i ask,
    what questions can you answer, what topics do you know, help, help me,
    please help, please help me, can you help, can you help me, how can you help,
    how can you help me, how do you work, how does this work, how does it work,
    how does this bot work, how do i use you, how do i use this, how do i use this bot,
    how to use this bot, are you a bot, are you a robot, are you human, are you an ai,
    are you real, what is this, what is this bot, what's this, what is your name, what's your name,
    who made you, who created you, tell me about yourself, introduce yourself
goodbye-phrases =
    bye, bye bye, goodbye, good bye, bye bot, see you, see you later, see you soon,
    see you tomorrow, see ya, good night, have a nice day, have a good day, have a great day,
    take care
okay-phrases =
    ok, okay, yes, no, yep, yeah, nope, sure, fine, good, great, cool, nice, wow, perfect,
    excellent, awesome, amazing, got it, i see, i understand, understood, clear, all right,
    alright, very good, very nice, well done, good job, good bot, interesting, very interesting,
    no problem, of course, agreed, lol, haha
