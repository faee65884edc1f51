"""Visitors of published pages: what is kept about them, and how much they may vote and comment."""

from dali import env

env.group("Views")
VIEW_IP = env.choice(
    "DALI_VIEW_IP",
    "full",
    ("full", "truncated", "none"),
    help="What is stored of a visitor's IP address: `truncated` stores the network (/24, /48).",
)
VIEWS_BATCH = env.integer(
    "DALI_VIEWS_BATCH", 500, help="Maximum number of views written in one transaction.", least=1, most=5000
)
VIEWS_FLUSH_S = env.number(
    "DALI_VIEWS_FLUSH_S",
    0.5,
    help="Seconds between two writes of views from their file to the database.",
    least=0.1,
)

env.group("Pages that answer back")
VOTES_RATE = env.rate("DALI_VOTES_RATE", "120/m", help="Maximum rate of votes from one visitor.")
COMMENTS_RATE = env.rate("DALI_COMMENTS_RATE", "10/m", help="Maximum rate of comments from one visitor.")
ANSWERS_RATE = env.rate(
    "DALI_ANSWERS_RATE",
    "1200/m",
    help="Maximum rate of reads and writes of all visitors at one address together.",
)
PAGE_TOKEN_S = env.integer(
    "DALI_PAGE_TOKEN_S",
    43_200,
    help="Seconds that an open page may vote and comment before it must renew its token.",
    least=60,
)
