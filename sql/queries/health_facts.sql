-- Counts per session that health is judged by; $sessions are the sessions asked for, $cutoffs their knowledge cut-offs.
WITH s AS (SELECT unnest($sessions) AS session_date, unnest($cutoffs) AS as_of),
members AS (
    SELECT s.session_date, count(*) AS n FROM s
    JOIN ticker_universe u ON u.valid_from <= s.session_date AND (u.valid_to IS NULL OR s.session_date < u.valid_to)
    GROUP BY ALL),
versions AS (
    SELECT ticker, session_date, known_at FROM market_prices
    UNION ALL SELECT ticker, session_date, known_at FROM market_price_revisions),
bars AS (
    SELECT s.session_date, count(DISTINCT v.ticker) AS n
    FROM s JOIN versions v ON v.session_date = s.session_date AND v.known_at <= s.as_of GROUP BY ALL),
articles AS (SELECT session_date, count(*) AS n FROM news_articles GROUP BY ALL),
scored AS (
    SELECT a.session_date, count(DISTINCT a.article_id) AS n
    FROM news_articles a JOIN news_article_scores c USING (article_id) GROUP BY ALL),
windows AS (
    SELECT session_date, count(*) AS n, count(*) FILTER (is_complete) AS complete FROM feature_windows GROUP BY ALL),
champions AS (
    SELECT s.session_date, max(d.live_from) AS live_from FROM s
    JOIN model_deployments d ON d.role = 'champion' AND d.target_ticker IS NULL AND d.live_from <= s.session_date GROUP BY ALL),
issued AS (
    SELECT session_date, count(*) AS n, count(*) FILTER (abstained) AS abstained
    FROM predictions_latest WHERE scenario_id = $scenario_id GROUP BY ALL),
matured AS (
    SELECT target_session_date AS session_date, count(*) AS n
    FROM predictions_latest WHERE scenario_id = $scenario_id AND NOT abstained GROUP BY ALL),
judged AS (
    SELECT target_session_date AS session_date, count(*) AS n
    FROM prediction_accuracy WHERE scenario_id = $scenario_id GROUP BY ALL),
events AS (
    SELECT session_date, event_id, sum(amount_usd) AS balance FROM ledger_entries
    WHERE scenario_id = $scenario_id GROUP BY ALL),
ledger AS (
    SELECT session_date, count(*) AS n, count(*) FILTER (balance <> 0) AS unbalanced FROM events GROUP BY ALL),
cash AS (  -- a margin account may owe some
    SELECT session_date, cash_usd::DOUBLE AS minimum FROM portfolio_values WHERE scenario_id = $scenario_id
    AND NOT EXISTS (SELECT 1 FROM ledger_entries l WHERE l.scenario_id = $scenario_id AND l.account = 'borrow_cost')),
refused AS (SELECT try_cast(partition_key AS DATE) AS session_date, count(*) AS n FROM quarantine GROUP BY ALL)
SELECT s.session_date,
       coalesce(members.n, 0) AS member_count, coalesce(bars.n, 0) AS bar_count,
       coalesce(articles.n, 0) AS article_count, coalesce(scored.n, 0) AS scored_article_count,
       latest.session_date AS last_article_session,
       coalesce(windows.n, 0) AS window_count, coalesce(windows.complete, 0) AS complete_window_count,
       champions.live_from AS champion_live_from,
       coalesce(issued.n, 0) AS prediction_count, coalesce(issued.abstained, 0) AS abstained_count,
       coalesce(matured.n, 0) AS matured_count, coalesce(judged.n, 0) AS validated_count,
       coalesce(ledger.n, 0) AS ledger_event_count, coalesce(ledger.unbalanced, 0) AS unbalanced_event_count,
       cash.minimum AS minimum_cash_usd, coalesce(refused.n, 0) AS quarantined_count
FROM s
LEFT JOIN members USING (session_date) LEFT JOIN bars USING (session_date) LEFT JOIN articles USING (session_date)
LEFT JOIN scored USING (session_date) LEFT JOIN windows USING (session_date) LEFT JOIN champions USING (session_date)
LEFT JOIN issued USING (session_date) LEFT JOIN matured USING (session_date) LEFT JOIN judged USING (session_date)
LEFT JOIN ledger USING (session_date) LEFT JOIN cash USING (session_date) LEFT JOIN refused USING (session_date)
ASOF LEFT JOIN (SELECT session_date FROM articles) latest ON s.session_date >= latest.session_date
ORDER BY s.session_date
