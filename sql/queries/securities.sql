-- Names of the stays that cover some session between two days.
SELECT ticker, name, valid_from, valid_to FROM security_listings
WHERE valid_from <= $last AND (valid_to IS NULL OR valid_to > $first)
ORDER BY ticker, valid_from
