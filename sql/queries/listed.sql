-- Spans of listed securities that cover some session between two days.
SELECT ticker, valid_from, valid_to, sector FROM security_listings
WHERE valid_from <= $last AND (valid_to IS NULL OR valid_to > $first)
ORDER BY ticker, valid_from
