"""Each principle by hand: what it allows, scales, vetoes and abstains from."""

import numpy as np
import pytest

from nextgen_assets.domain.trading.planning import weigh
from nextgen_assets.domain.trading.principles import Judgement, Situation, discover, selected
from nextgen_assets.domain.trading.rules import TradingRules
from tests.domain.trading.trading_builders import situation_of


def _judge(name: str, situation: Situation) -> Judgement:
    return discover()[name].judge(situation)


def test_evidence_allows_a_prediction_and_vetoes_its_absence() -> None:
    said = _judge(
        "evidence",
        situation_of(
            5,
            has_prediction=[True, False, True, False, False],
            abstained=[False, False, True, False, False],
            quantity_held=[0, 0, 0, 10, 10],
            sessions_held=[0, 0, 0, 4, 5],
        ),
    )
    assert said.verdict.tolist() == ["allow", "veto", "veto", "veto", "veto"]
    assert said.factor.tolist() == [1.0, 1.0, 1.0, 1.0, 0.0]  # after five sessions the thesis is over
    assert "abstained" in said.reasons[2]


def test_conviction_scales_to_fractional_kelly_net_of_costs() -> None:
    rules = TradingRules()
    said = _judge("conviction", situation_of(1, expected_log_return=[0.004], rules=rules))
    cost = 2 * (0.0005 + 0.005 / 50)
    assert said.verdict.tolist() == ["scale"]
    assert said.factor[0] == pytest.approx(0.25 * (0.004 + 0.0008 - cost) / 0.0016)


def test_conviction_charges_no_entry_to_what_is_held() -> None:
    said = _judge("conviction", situation_of(2, expected_log_return=[0.001, 0.001], quantity_held=[0, 10]))
    assert said.factor[0] == 0.0  # the edge of 10 bps is below the 12 bps of a round trip
    assert said.factor[1] == pytest.approx(0.25 * (0.001 + 0.0008) / 0.0016)


def test_conviction_wants_probability_and_mean_to_agree() -> None:
    said = _judge(
        "conviction", situation_of(2, probability_up=[0.45, 0.6], expected_log_return=[0.02, -0.01])
    )
    assert said.factor.tolist() == [0.0, 0.0]


def test_conviction_follows_strategic_priority() -> None:
    said = _judge(
        "conviction",
        situation_of(3, expected_log_return=[0.003] * 3, priority_score=[1.0, 0.0, np.nan]),
    )
    assert said.factor[1] == pytest.approx(0.5 * said.factor[0])
    assert said.factor[2] == said.factor[0]


def test_conviction_vetoes_without_volatility_and_abstains_without_prediction() -> None:
    said = _judge("conviction", situation_of(2, volatility=[np.nan, 0.04], has_prediction=[True, False]))
    assert said.verdict.tolist() == ["veto", "abstain"]
    assert said.factor.tolist() == [1.0, 1.0]


def test_humility_by_calibration() -> None:
    clear = {"expected_log_return": [0.02] * 4, "lower_log_return": [0.001] * 4}
    said = _judge(
        "humility",
        situation_of(4, brier_score=[0.24, 0.255, 0.27, np.nan], **clear),
    )
    assert said.verdict.tolist() == ["allow", "scale", "veto", "scale"]
    assert said.factor.tolist() == [1.0, 0.5, 1.0, 0.5]
    assert "unproven" in said.reasons[3]


def test_humility_by_the_width_of_bounds() -> None:
    # ratios 0.01 (veto), 0.06 (half way between 0.02 and 0.10), 0.2 (full)
    said = _judge(
        "humility",
        situation_of(
            3,
            expected_log_return=[0.001, 0.006, 0.02],
            lower_log_return=[-0.05] * 3,
            upper_log_return=[0.05] * 3,
        ),
    )
    assert said.verdict.tolist() == ["veto", "scale", "allow"]
    assert said.factor.tolist() == pytest.approx([1.0, 0.5, 1.0])


def test_humility_has_nothing_to_say_about_a_reduction() -> None:
    said = _judge("humility", situation_of(1, proposed_weight=[0.1], current_weight=[0.2], brier_score=[0.9]))
    assert said.verdict.tolist() == ["abstain"]


def test_diversify_caps_each_and_all() -> None:
    said = _judge("diversify", situation_of(2, proposed_weight=[0.6, 0.1]))
    assert (said.verdict.tolist(), said.factor.tolist()) == (["scale", "allow"], [0.5, 1.0])
    said = _judge("diversify", situation_of(6, proposed_weight=[0.3, 0.3, 0.3, 0.3, 0.0, 0.3]))
    assert said.verdict.tolist() == ["scale"] * 4 + ["abstain", "scale"]
    assert said.factor.tolist() == pytest.approx([1 / 1.5] * 4 + [1.0, 1 / 1.5])


def test_diversify_caps_a_sector_where_it_is_known() -> None:
    rules = TradingRules(max_sector_weight=0.3)
    sector = np.array(["Energy", "Energy", None, "Health"], dtype=object)
    said = _judge("diversify", situation_of(4, rules, proposed_weight=[0.3, 0.1, 0.25, 0.2], sector=sector))
    assert said.verdict.tolist() == ["scale", "scale", "allow", "allow"]
    assert said.factor.tolist() == pytest.approx([0.75, 0.75, 1.0, 1.0])
    assert "its sector has 0.400, more than 0.300" in said.reasons[1]
    said = _judge("diversify", situation_of(2, rules, proposed_weight=[0.3, 0.1]))
    assert said.verdict.tolist() == ["allow", "allow"]  # no sectors are known


@pytest.mark.parametrize(
    ("drawdown", "verdict", "factor"),
    [(0.10, "allow", 1.0), (0.225, "scale", 0.5), (0.30, "veto", 0.0), (0.50, "veto", 0.0)],
)
def test_the_drawdown_brake(drawdown: float, verdict: str, factor: float) -> None:
    said = _judge("preserve_capital", situation_of(1, drawdown=drawdown))
    assert said.verdict.tolist() == [verdict]
    assert said.factor[0] == pytest.approx(factor)


def test_the_drawdown_brake_abstains_where_nothing_is_at_stake() -> None:
    said = _judge("preserve_capital", situation_of(1, drawdown=0.5, proposed_weight=[0.0]))
    assert said.verdict.tolist() == ["abstain"]


def test_patience_case_by_case() -> None:
    cases = {  # proposed, current, held, age, expected gain, ordered out -> verdict
        "opens for a good reason": (0.2, 0.0, 0, 0, 0.02, False, "allow"),
        "sells too early": (0.0, 0.2, 10, 4, -0.02, False, "veto"),
        "sells in time": (0.0, 0.2, 10, 5, -0.02, False, "allow"),
        "is ordered out": (0.0, 0.2, 10, 1, -0.02, True, "abstain"),
        "changes too little": (0.21, 0.2, 10, 9, 0.02, False, "veto"),
        "closes a small position": (0.0, 0.01, 10, 9, -0.02, False, "allow"),
        "gains less than it costs": (0.2, 0.0, 0, 0, 0.001, False, "veto"),
        "expects nothing known": (0.2, 0.0, 0, 0, np.nan, False, "veto"),
        "changes nothing": (0.2, 0.2, 10, 9, 0.02, False, "abstain"),
    }
    proposed, current, held, age, gain, out, verdict = zip(*cases.values(), strict=True)
    said = _judge(
        "patience",
        situation_of(
            len(cases),
            proposed_weight=proposed,
            current_weight=current,
            quantity_held=held,
            sessions_held=age,
            expected_log_return=gain,
            ordered_out=out,
        ),
    )
    assert dict(zip(cases, said.verdict.tolist(), strict=True)) == dict(zip(cases, verdict, strict=True))
    assert said.factor.tolist() == [1.0] * len(cases)


def test_budget_serves_the_largest_increase_first() -> None:
    said = _judge(
        "budget",
        situation_of(5, proposed_weight=[0.2, 0.3, 0.3, 0.1, 0.25], current_weight=[0.0, 0.0, 0.3, 0.3, 0.0]),
    )
    # room: 0.99 - (0.3 + 0.1) = 0.59; T1 takes 0.30, T4 0.25, T0 finds 0.04 of its 0.20
    assert said.verdict.tolist() == ["scale", "allow", "abstain", "abstain", "allow"]
    assert said.factor[0] == pytest.approx(0.2)


def test_budget_vetoes_when_nothing_is_left() -> None:
    said = _judge("budget", situation_of(2, proposed_weight=[0.985, 0.1], current_weight=[0.985, 0.0]))
    assert said.verdict.tolist() == ["abstain", "veto"]


def test_weights_follow_the_verdicts_in_order() -> None:
    rules = TradingRules()
    situation = situation_of(
        4,
        rules=rules,
        proposed_weight=[1.0] * 4,
        expected_log_return=[0.004, -0.02, 0.004, 0.004],
        current_weight=[0.0, 0.2, 0.2, 0.2],
        quantity_held=[0, 400, 400, 400],
        sessions_held=[0, 9, 2, 9],
        has_prediction=[True, True, False, False],
        upper_log_return=[0.02] * 4,
        lower_log_return=[-0.01] * 4,
    )
    weights, said = weigh(situation, selected(rules))
    assert weights[0] == pytest.approx(0.30)  # Kelly would take more than the cap
    assert weights.tolist()[1:] == [0.0, 0.2, 0.0]  # thesis gone; kept; expired
    assert len(said) == len(rules.principles)


def test_a_deep_drawdown_orders_everything_out_even_if_young() -> None:
    rules = TradingRules()
    situation = situation_of(
        1,
        rules=rules,
        proposed_weight=[1.0],
        current_weight=[0.3],
        quantity_held=[5],
        sessions_held=[1],
        drawdown=0.4,
    )
    assert weigh(situation, selected(rules))[0].tolist() == [0.0]
