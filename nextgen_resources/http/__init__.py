"""Every request that leaves: one policy for all providers and all transports.

`policy` says when a request may go out, how often it is tried and what it counts as; `answers` tells an
answer from a refusal; `client` sends with httpx, `market_data.yahoo_session` with curl_cffi; `addresses`
refuses private addresses; `journal` keeps a row per call and the answers of an unfinished run. Importing
this package connects to nothing.
"""
