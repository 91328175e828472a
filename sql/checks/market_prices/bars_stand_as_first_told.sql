-- warning: no bar was replaced by a later version
SELECT r.ticker, r.session_date, r.close AS close_before, p.close AS close_now, r.volume AS volume_before,
       p.volume AS volume_now, r.superseded_at
FROM market_price_revisions r JOIN market_prices p ON p.ticker = r.ticker AND p.session_date = r.session_date
WHERE r.session_date BETWEEN $first AND $last
ORDER BY r.superseded_at DESC, r.ticker
