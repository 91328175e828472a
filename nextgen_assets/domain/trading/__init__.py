"""From predictions to plans, fills, a double-entry ledger, portfolio values and reflections.

The order inside one session S is fixed. At the open: splits, cash dividends, then the plans drafted
at S-1 (sells before buys). At the close: valuation, then the plans of S. Cash and cost are whole
micro-dollars (``int``); frames carry them as Decimal(20, 6).
"""
