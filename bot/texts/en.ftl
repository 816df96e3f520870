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

    If you asked to be told when there is an answer, I store that question and your chat's ID until I have told you, for half a year at most.

    A message waits on my disk as Telegram sent it, with your name, until I have answered it, and is gone a minute later. Apart from that I never store names, and instead of your Telegram ID only a code made from it with a secret key. Nothing leaves my server except what goes through Telegram itself.
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

button-wish = 🔔 Tell me when there is an answer
button-unwish = 🔕 Don't tell me after all
wish-made = I will write to you as soon as an article answers this.
wish-taken-back = All right, I won't write.
wish-too-late = I can't keep that in mind any more. Please ask the question again.
wish-come-true = You wanted to know when I have an answer to this. Here it is:

bot-description =
    I answer questions with exact quotes from the articles I know, and link to the source. If the articles don't have the answer, I say so.

    Just write your question in English, Russian, Kazakh or Kyrgyz. I also work in groups, and in any other chat if you write my name and your question.
bot-short-description = I answer questions with exact quotes from articles and a link to the source.

reindex-started = Reading the articles again… This can take a while.
reindex-running = A reindex is already running. I'll report when it's done.
reindex-failed = The reindex failed: { $reason }
reindex-progress =
    Reading the articles: { $percent } %
    { $bar }
    { $done } of { $total } passages and sentences, { $rate } a second, about { $left } left
    /cancel stops it
reindex-cancelled = Stopped. I still know what I knew before.
cancel-nothing = There is nothing to stop.
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

# What admins are told once when it begins to fail, and once when it is over.
trouble-over =
    This works again:
    { $trouble }
trouble-reindex = I could not bring what I know up to date: { $reason } /status tells more.
trouble-error = Something went wrong while I was answering ({ $name }). /status shows the last errors; the log has all of it.
trouble-disk = The disk is nearly full: { $free } MB are left. Nothing new can be added soon.
trouble-index = I can't read the index: { $reason }
trouble-journal = I can't keep questions and wishes at the moment: { $reason }

command-ask = Ask a question
command-articles = The articles I know
command-latest = The newest articles
command-language = Choose the language
command-privacy = What I store about you
command-help = How to use me
command-reindex = Read the articles again
command-cancel = Stop the reindex

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

### Why a link or a file could not be read (knowledge.errors.Problem)
reading-not-a-link = This is not a link to a web page. Please copy the whole address, such as https://example.org/news.
reading-private-address = This link leads into a private network, and I may not look there. Please give me a public link.
reading-unknown-host = There is no such site. Please check the link for slips.
reading-no-connection = The site could not be reached, or it broke off. Please try again later.
reading-insecure = The site's certificate is no good, so I can't be sure whose site it is. You can save the page's text as a file and send me that.
reading-timeout = The site took too long to answer. Please try again later.
reading-too-many-redirects = This link leads from page to page without end. Please open it in a browser and send me the address you end up at.
reading-not-found = There is no such page on the site, or not any more. Please check the link.
reading-refused = The site does not show me this page. You can save its text as a file and send me that.
reading-rate-limited = The site asks to be visited less often. Please try again later.
reading-server-error = Something is out of order at the site. Please try again later.
reading-too-large = This is too large for me. Please send only the part that matters, as a text file.
reading-not-readable = I can't read files of this kind. Please send a link to a web page, or a file in .pdf, .docx, .md or .txt.
reading-damaged = The file is damaged. Please save it anew in the program it was made with.
reading-encrypted = The file is protected by a password. Please save it without one.
reading-scanned = The pages are pictures, and there is no text in them. Please recognise the text first (programs for that are called OCR), and send me the result.
reading-empty = I found no article's text there. You can copy the text into a file and send me that.

### What admins see of the journal and of the bot: /stats, /unanswered, /status
command-status = How I am doing
command-stats = Questions of the last days
command-unanswered = What the articles don't answer
report-days = After /{ $command } you can write a number of days, from 1 to { $days }: /{ $command } 7
stats-heading = { $days ->
        [1] Questions today
        [one] Questions of the last { $days } day
       *[other] Questions of the last { $days } days
    }
stats-none = { $days ->
        [1] Nobody has asked anything today.
        [one] Nobody has asked anything in the last { $days } day.
       *[other] Nobody has asked anything in the last { $days } days.
    } As soon as somebody does, you will see it here.
stats-not-kept = I don't keep questions (the setting JOURNAL_DAYS is 0), so there is nothing to count.
stats-questions = Questions: { $count }
stats-people = People: { $count }
stats-a-day = A day on average: { $average }
stats-before = As long before: { $count }, of which answered { $answered }
stats-answered = Answered
stats-unsure = Not sure
stats-not-found = Not found
stats-articles = List of articles
stats-helpful = Helpful: { $helpful } of { $verdicts } ratings ({ $share })
stats-no-verdicts = Nobody has rated an answer yet.
stats-private = In private
stats-group = in groups
stats-guest = as a guest
chart-per-day = Questions per day
chart-per-week = Questions per week
chart-languages = Languages
chart-questions = questions
chart-people = people
chart-answered = answered
chart-helpful = helpful
unanswered-heading = { $days ->
        [1] Asked today, but not answered by any article:
        [one] Asked in the last { $days } day, but not answered by any article:
       *[other] Asked in the last { $days } days, but not answered by any article:
    }
unanswered-none = { $days ->
        [1] No question of today is without an answer.
        [one] No question of the last { $days } day is without an answer.
       *[other] No question of the last { $days } days is without an answer.
    }
unanswered-times = { $count ->
        [one] Asked { $count } time
       *[other] Asked { $count } times
    }
unanswered-people = { $count ->
        [one] { $count } person
       *[other] { $count } people
    }
unanswered-unsure = { $count ->
        [one] And { $count } time I wasn't sure of the answer
       *[other] And { $count } times I wasn't sure of the answer
    }
unanswered-now = Answered now:
status-version = Version { $version }
status-running = Running for { $time }
status-memory = Memory: { $size } MB
status-disk = Free disk space: { $size } GB
status-index = Index: { $articles ->
        [one] { $articles } article
       *[other] { $articles } articles
    }, { $passages ->
        [one] { $passages } passage
       *[other] { $passages } passages
    }
status-no-index = The index can't be read. /reindex may help.
status-reindexed = Last reindex: { $time }
status-model = Model: { $name }
status-journal = Journal: { $count ->
        [one] { $count } question
       *[other] { $count } questions
    }, { $size } MB, kept for { $days ->
        [one] { $days } day
       *[other] { $days } days
    }
status-nothing-kept = Journal: questions aren't kept, { $size } MB
status-no-journal = The journal can't be read at the moment.
status-wishes = Waiting for an answer: { $count }
status-waiting = Questions in the queue: { $count }
status-drafts = Drafts waiting for your word: { $count }
status-no-drafts = The folder of drafts can't be read.
status-groups-all = Groups: I see all messages.
status-groups = Groups: privacy mode is on, so I see only commands and replies to me. @BotFather switches it off with /setprivacy; then add me to the group again.
status-inline = Inline mode: on
status-no-inline = Inline mode: off. @BotFather turns it on with /setinline.
status-guest = Guest mode: on
status-no-guest = Guest mode: off. @BotFather has it in my settings.
status-failing-sources = Sources that fail (how many times in a row):
status-troubles = Not working at the moment:
status-warnings = Last warnings and errors:
status-no-warnings = No warnings and no errors since I was started.

### The sites that are checked for new articles: /sources
command-sources = Where new articles come from
reading-no-listing = I found no list of new articles there: neither a feed (RSS, Atom) nor a sitemap. If the site has a page or an icon called RSS, please send me that link.
reading-robots = The site asks programs not to read this page (in its robots.txt). You can ask its owner, or add articles one by one.
sources-none =
    I don't check any sites yet. Send me /sources and the link of a site, for example:
    /sources https://example.org

    I will look for its list of new articles and check it regularly.
sources = { $count ->
        [one] I check { $count } site for new articles:
       *[other] I check { $count } sites for new articles:
    }
sources-more = And { $count } more in the file sources.yaml.
sources-how-to = To add one, send /sources and its link.
sources-file-wrong = I can't read the list of sources, so nothing is checked. { $reason }
source-state-new = not checked yet
source-state-read = checked { $time }
source-state-failing = can't be read
source-state-paused = paused
source-feed = A feed
source-sitemap = A sitemap
source-interval = Time between checks: { $interval }
source-asks = New articles wait for your approval.
source-takes = New articles are added at once.
source-read = Checked { $time }; new articles: { $count }.
source-failures = Failed checks in a row: { $count }.
source-paused = Paused: nothing is checked until you press “Resume”.
source-next-check = Next check { $time }.
source-next-check-soon = The next check is about to begin.
source-unreadable = Articles I couldn't read:
source-next-try = (Next try { $time }.)
source-given-up = (I have given up on it.)
source-looking = I'm having a look at the site…
source-found-feed = { $count ->
        [one] I found a feed with { $count } article:
       *[other] I found a feed with { $count } articles:
    }
source-found-sitemap = { $count ->
        [one] I found a sitemap with { $count } page:
       *[other] I found a sitemap with { $count } pages:
    }
source-offer = Shall I check it every 6 hours? I will show you the newest articles first, and then each new one, before it is added.
source-added = Done! The first check begins within a minute.
source-known = I check this one already.
source-too-late = This button no longer works. Please send /sources.
source-checking = I'm checking… I'll tell you when I'm done.
source-not-checked = I couldn't check “{ $name }” just now. Please try again a little later.
source-nothing-new = Nothing new from “{ $name }”.
source-offered = { $count ->
        [one] { $count } new article from “{ $name }” waits for your approval:
       *[other] { $count } new articles from “{ $name }” wait for your approval:
    }
source-taken = { $count ->
        [one] I added { $count } new article from “{ $name }”:
       *[other] I added { $count } new articles from “{ $name }”:
    }
source-see-drafts = /drafts shows them.
source-not-indexed = It is not in my answers yet: { $reason } /reindex tries again.
source-problem = “{ $name }” can't be read:
source-failed-articles = { $count ->
        [one] { $count } article could not be read; the button below shows why.
       *[other] { $count } articles could not be read; the button below shows why.
    }
source-was-paused = I have stopped checking “{ $name }”: it is gone, or could not be read for two weeks. The button below shows why, and lets you resume.
source-remove-ask = Stop checking “{ $name }” for good? The articles that came from it stay.
source-removed = Done, it is not checked any more.
button-sources = ◀ All sources
button-source = Show the source
button-source-keep = No, keep it
button-source-add = Yes, check it
button-source-check = Check now
button-source-ask = Ask me before adding
button-source-take = Add without asking
button-source-pause = Pause
button-source-resume = Resume
button-source-remove = Remove
button-source-forget = Yes, remove it
trouble-source = I can't read “{ $name }” ({ $url }) for new articles. I keep trying, ever less often; /sources shows why.
trouble-sources-file = I can't read the list of sources, so no site is checked for new articles. { $reason }
trouble-sources-saving = I can't keep the new articles that I find. { $reason }

### Articles that admins add, edit and remove: drafts, /edit, /remove, /undo

add-how-to = Send me a link to an article or a file (PDF, Word, .md or .txt), or forward a channel post. I'll show you what I understood, and save it when you say so.
draft-reading = Reading…
draft-not-read = I couldn't read this: { $reason }
draft-not-kept = I read this, but I couldn't keep it: { $reason }
file-too-large = Telegram hands me files of 20 MB at most. Please send a link to the file, or only the part that matters.
draft-new = A new article, not saved yet:
draft-number = Draft { $number } of { $total }, not saved yet:
no-title = (no title)
draft-words =
    { $words ->
        [one] { $words } word
       *[other] { $words } words
    }
draft-passages =
    { $passages ->
        [one] { $passages } passage
       *[other] { $passages } passages
    }
draft-from-source = From the source “{ $name }”.
draft-no-title = ⚠️ I found no title. Press “Title” and write one.
draft-no-url = ⚠️ I don't know the article's link, which every quote names. Press “Link” and write it.
draft-no-date = ⚠️ I found no date. If you know it, press “Date”.
draft-same-link = ⚠️ I know this link already: “{ $title }”. “Replace” puts the new text in its place.
draft-same-text = ⚠️ I know this text already, under another link: “{ $title }”.
draft-gone = This draft is gone: it has been saved or discarded already, perhaps by another admin.
draft-known = I know this article already, exactly so. There is nothing to save.
draft-discarded = Discarded: “{ $title }”.
drafts-none = No articles are waiting for you. To add one, send me its link.
drafts-rest =
    { $count ->
        [one] { $count } more draft is waiting: /drafts
       *[other] { $count } more drafts are waiting: /drafts
    }
button-save = Save
button-replace = Replace
button-discard = Discard
button-title = Title
button-date = Date
button-link = Link
button-publisher = Publisher
button-undo = Undo
button-remove = Remove
button-keep = Keep it
ask-title = Reply to this message with the right title of “{ $title }”.
ask-date = Reply to this message with the date of “{ $title }”, such as 12.06.2025, or with - if it has none.
ask-link = Reply to this message with the link to “{ $title }”, such as https://example.org/news/article.
ask-publisher = Reply to this message with the name of who published “{ $title }”, or with - if nobody knows.
detail-not-understood = I didn't understand that.
edit-what = What shall I change?
edit-which = Which article shall I change? You can also write /edit with words of its title, or its link.
remove-which = Which article shall I remove? You can also write /remove with words of its title, or its link.
remove-ask = Remove this article? I won't quote it any more; /undo brings it back.
articles-not-found = I know no article with this link, or with these words in its title. /articles shows them all.
articles-too-many = These are { $shown } of { $total }; more words of the title will find fewer.
change-on-its-way = ⏳ Bringing this into my answers…
change-not-in-answers = It isn't in my answers yet: { $reason } I will try again at the next change, or when you send /reindex.
change-in-answers =
    ✅ It is in my answers now: { $passages ->
        [one] { $passages } passage
       *[other] { $passages } passages
    }. Ask me about it!
change-out-of-answers = ✅ I don't quote it any more.
change-link-taken = Another article has this link already, so I changed nothing.
change-refused = This article is not there any more, or it has changed. Please look it up again: /edit.
change-failed = I changed nothing: { $reason }
change-nothing = It is so already.
change-add = Saved: “{ $title }”.
change-replace = Changed: “{ $title }”.
change-remove = Removed: “{ $title }”.
undone-add = Undone: “{ $title }” is not among the articles any more.
undone-replace = Undone: “{ $title }” is as it was before.
undone-remove = Undone: “{ $title }” is back.
undone-by-hand = Somebody had changed its file since; that version is kept in the folder .trash.
undo-nothing = There is nothing to undo.
undo-next-add = Another /undo takes out “{ $title }”.
undo-next-replace = Another /undo takes back the change of “{ $title }”.
undo-next-remove = Another /undo brings back “{ $title }”.
undo-changed-again = This article was changed again since. Please undo that first, or send /undo.
undo-done-before = This is undone already.
command-add = Add an article
command-drafts = Articles that wait for you
command-edit = Change an article
command-remove = Remove an article
command-undo = Undo the last change

### Another copy of the bot
trouble-conflict = Another program uses my token, too, so messages may not reach me. Please stop one of us two.

### Messages that have to wait
inbox-busy = Many people are asking me at the moment. One moment, please: your answer is coming.
inbox-too-many = That's a lot of messages at once, and I can't take this one. Please wait for my answers, then send it again.
inbox-full = So many people are asking me now that I can't take your message. Please send it again in a few minutes.
inbox-ask-again = I was interrupted while I was working on this, and my answer may not have reached you. If you don't see it, please send this once more.
trouble-inbox = I can't write down what people send me, so what waits would be lost if I were restarted: { $reason }

### Bad days: what an admin hears once

trouble-journal-damaged = My journal was damaged, so I have begun a new one. The old file is kept in the data folder as { $file }. If you have a backup, stop me and restore it.
trouble-journal-key = The file journal.key was missing, so I made a new one. I can't tell any more whose the earlier questions, languages and wishes are. If you have a backup, stop me and restore journal.key from it.
trouble-data-folder = Somebody removed my data folder while I was running. I have put the journal back; drafts and the list of sources were in it, too. If you have a backup, please restore them.
trouble-clock = This computer's clock has jumped by about { $hours } h. Please check that it is right: for a day I delete nothing for its age.
