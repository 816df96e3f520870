# Everything that the bot says in English. The other languages have the same keys and placeholders.

start =
    Hello! Ask me a question, and I will answer with an exact quote from the articles I know and a link to the source.

    You can write in English, Russian, Kazakh or Kyrgyz.
help =
    Just write your question. I will find the passage that answers it, quote it word for word and name the source.

    In a group, write /ask and your question, reply to one of my messages, or mention @{ $bot }.

    I never make anything up: if the articles don't have the answer, I will say so.
group-hello =
    Hello! I answer questions with quotes from articles. Write /ask and your question, or reply to one of my messages. You can also mention @{ $bot }.
group-privacy =
    I may not see mentions of @{ $bot } in this group. To change that, my owner can turn off privacy mode (BotFather, /setprivacy) and add me to the group again, or you can make me an admin.
ask-how-to =
    Write your question after /ask, or send /ask as a reply to a message with a question. Mentioning @{ $bot } works the same way.

not-found = I couldn't find an answer to that in the articles. Try asking in other words.
greeting = Hello! What would you like to know from the articles?
thanks = You're welcome! If you have another question, just ask.
no-question = Please write your question in words.
too-long = That's too long for me. Please ask your question in a sentence or two.
only-text = I only understand text. Please write your question in words.
unknown-command = I don't know that command. Just write your question, or send /help.
error = Sorry, something went wrong. Please try again a little later.

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
command-help = How to use me
command-reindex = Read the articles again

# Whole messages that are no questions, separated by commas; case and punctuation don't matter.
# A phrase belongs to the language whose file has it, so each is in one file only.
greeting-phrases =
    hi, hello, hey, hi there, hello there, hey there, hello bot, hi bot, good morning, good day,
    good afternoon, good evening, greetings, how are you, hi how are you, hello how are you
thanks-phrases =
    thanks, thank you, thank you very much, thank you so much, thanks a lot, many thanks, great thanks,
    ok thanks, thx, ty
