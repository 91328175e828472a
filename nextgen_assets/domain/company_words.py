"""The words that tell companies from people, places, fruit and abbreviations in headlines."""

from __future__ import annotations

from collections.abc import Mapping


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


LEGAL_FORMS = _words(
    """
    ab ag asa bv co company companies corp corporation gmbh inc incorporated kgaa limited llc lp ltd nv oyj
    plc sa sab se spa trust
    """
)
"""Last words of a name that say how the company is incorporated: headlines leave them out."""

DESCRIPTIONS = _words(
    """
    aerospace air airlines bancorp bancshares beverage brands broadcasting chemical communications corporation
    devices electronics energy enterprises entertainment equities financial foods global group healthcare holding
    holdings hotels industries interactive international laboratories labs lines manufacturing materials
    motor motors networks parcel petroleum pharmaceutical pharmaceuticals platforms products properties
    resources restaurants semiconductor services software solutions stores systems technologies technology
    therapeutics wholesale worldwide
    """
)
"""Last words that headlines often leave out: Micron Technology is Micron, Meta Platforms is Meta."""

AMBIGUOUS_NAMES = _words(
    """
    alphabet amazon apple arch archer baker ball baxter berkshire block booking bristol brown cable
    caesars cardinal carnival carrier caterpillar champion charter chubb church cincinnati citizens
    coach coke cooper copa crown cummins dana delta discover dominion domino dover dow duke eagle
    eastman edison emerson expand ford fortune fossil fox franklin frontier gap globe goldman graham harley
    harris henry hershey hess hilton hunt huntington jacobs johnson juniper kohl lamb liberty lilly
    lincoln linde loews lowe macy marathon marriott marsh martin match meta mid molina monster
    morgan mosaic motion oracle palo paramount parker phillips pioneer pool premier principal
    progressive quest ralph raytheon regency republic robert rollins roper ross schwab sealed sempra
    shell sherwin simon snap southwest square stanley starwood switch tapestry target tiffany
    travelers twitter tyson under united unity urban visa vista vulcan walt warner waste waters
    watts whirlpool williams wolfe wynn zebra zoom
    """
)
"""Short names that are also words, people, places or firms: alone they prove nothing."""

NEVER_ALONE = _words(
    """
    air all american nasdaq s&p u.s us are atlantic bank best big black blue boston business capital care cat central cost
    data digital dollar eastern energy financial first five food general global gold good great
    green health home host insurance international iron it key live low market media national new
    news next northern now old on one open pacific park power public range real red regions royal
    silver smart so southern state steel sun texas the true union water western white world
    """
)
"""Words that no context makes the name of a company."""

PEOPLE = _words(
    """
    adam alan alex alice amy andrew ann anna anthony arthur barbara ben betty bill bob brian bruce carl carol
    charles charlie chief chris christine daniel dave david dick donald doug duke earl edward elizabeth emily
    eric ernest eugene frank fred gary general george gerald glenn governor graham greg harold harrison harry
    heather helen henry howard jack jackie james jane jason jeff jennifer jeremy jerry jessica jim joan joe john
    jon jonathan joseph judge judy julia justice karen kate kathy keith ken kevin lady larry laura lee linda
    lisa lord louis lucy margaret maria mark martha martin mary matt matthew melissa michael mike miss mr mrs
    ms nancy neil nick nicole nikola officer pamela patricia patrick paul peter phil philip premier president prince
    prof professor rachel ralph ray rebecca richard rob robert roger ron ronald rose roy ruth ryan sam samuel
    sandra sarah scott sean secretary senator sharon sheriff sir stephen steve steven stuart susan ted
    terry thomas tim todd tom tommy tony tyler victor victoria walter warren wayne william willie
    """
)
"""Given names and titles: the word after one of them is a person."""

MARKET_WORDS = _words(
    """
    acquire acquired acquires acquisition analyst analysts antitrust backlog bankruptcy bearish beat
    beats bid billion board bonds bookings brokerage bullish buy buyback buyout buys ceo cfo
    chairman chief chips coo cut cuts deal debt delisting deliveries dividend dividends downgrade
    downgraded downgrades drop drops earnings eps equity estimates exec executives factory fall
    falls fda fiscal forecast forecasts ftc fy gain gains guidance hikes holders initiates invest
    investment investor investors ipo jobs jumps launch launches lawsuit layoffs lifts loss losses
    lowers maintains margin margins merger misses mln nasdaq neutral nyse offering operating orders
    outlook outperform outperforms overweight patent plant plants plunge plunges posts preferred
    premarket pretax product profit profits q1 q2 q3 q4 quarter quarterly raise raised raises
    rallies rally rating rebound recall recalls regulators reiterates reports repurchase
    restructuring results revenue revenues rise rises rival rivals sales sell sells settle
    settlement settles share shareholder shareholders shares shipments slide slides slump slumps
    soar soars spin-off spinoff split stake stock stocks subsidiary sue sued sues suit supplier
    suppliers surge surges takeover tender trading tumble tumbles underperform underweight unit
    unveils upgrade upgraded upgrades upside valuation valued wins workers yield
    """
)
"""Words of the market: beside one of them an ambiguous name is the company."""

AMBIGUOUS_SYMBOLS = _words(
    """
    ad ai all am an any app ar are arm as at au aws be best big bill bio blue bro bs buy by ca can
    car cars case cash cat ceo cfo cia city clip cnn coin coo cool core cost cpi cto cut cuts dash data
    day dd de do doc dow ea eat ec ecb edge en eod eps es esg et etf eu ev ex fast fbi fcc fda fed
    five for fox free ftc fun fx fy gap gas gdp go gold good gop hack has he hear here high hits
    home hr id imf in info ip ipo ir irs is it jobs key la lab land law led life live ll llc loan long
    love low ma main man mar max md me meet meta mid mix mn mo more ms my nas nato net new next nice
    no nov now nu nyse oct of oh oil ok old on one opec open or out pay pc pcs phd pi plan play plus
    pm pmi pool post ppi pr pump q1 q2 q3 q4 qe rare re read real red ride roi row run sa safe sale
    save sec see self sept shop sign site snap so some spot star stay stem step sub sun t team tech
    tell tip top trip true tv two txt uk un up us usa usd use vc vet via vip vr wall war was we well
    west who win work wti ww x yes you zoom
    """
)
"""Symbols that are words or abbreviations too: in plain capitals they prove nothing."""

ALIASES: Mapping[str, tuple[str, ...]] = {
    "advanced micro devices": ("AMD",),
    "alphabet": ("Google", "YouTube", "Waymo"),
    "google": ("Google", "YouTube"),
    "american express": ("AmEx", "Amex"),
    "american international": ("AIG",),
    "at&t": ("AT&T", "DirecTV"),
    "bank of america": ("BofA", "BoA"),
    "berkshire hathaway": ("Berkshire", "Geico"),
    "charles schwab": ("Schwab",),
    "coca-cola": ("Coke",),
    "electronic arts": ("EA",),
    "eli lilly": ("Lilly",),
    "exxon mobil": ("Exxon", "ExxonMobil"),
    "facebook": ("Instagram", "WhatsApp"),
    "meta platforms": ("Facebook", "Instagram", "WhatsApp"),
    "general electric": ("GE",),
    "general motors": ("GM", "Chevrolet", "Cadillac"),
    "goldman sachs": ("Goldman",),
    "hewlett-packard": ("HP",),
    "international business machines": ("IBM", "Big Blue"),
    "johnson & johnson": ("J&J",),
    "jpmorgan chase": ("JPMorgan", "JP Morgan", "J.P. Morgan", "JPM"),
    "mcdonald's": ("McDonalds",),
    "news": ("News Corp",),
    "pepsico": ("Pepsi",),
    "microsoft": ("LinkedIn", "Xbox"),
    "procter & gamble": ("P&G",),
    "rtx": ("Raytheon",),
    "united parcel service": ("UPS",),
    "walmart": ("Wal-Mart",),
    "wal-mart stores": ("Wal-Mart", "Walmart"),
    "walt disney": ("Disney", "Pixar", "ESPN"),
}
"""Brands, short forms and nicknames, by the name without its legal form, in lower case.

An alias holds while a company of that name is in the universe: Facebook is an alias of Meta Platforms, and
before the change of name it is the name of the listing itself.
"""

CONTEXTS: Mapping[str, frozenset[str]] = {
    "apple": _words("airpods app cook cupertino icloud ios ipad ipads iphone iphones ipod itunes jobs mac macbook "
                    "macs siri store watch"),
    "amazon": _words("aws prime alexa kindle bezos jassy cloud e-commerce warehouse sellers echo online"),
    "dow": _words("chemical chemicals cracker dupont ethylene fitterling plant plants plastics polyethylene"),
    "ford": _words("ev evs f-150 pickup pickups mustang lincoln farley mulally suv suvs truck trucks automaker gm uaw"),
    "meta": _words("facebook instagram whatsapp zuckerberg metaverse threads llama oculus quest ads"),
    "oracle": _words("cloud ellison database catz sap software"),
    "target": _words("retailer stores walmart shoppers cornell"),
    "visa": _words("mastercard card cards payments payment fees network interchange"),
    "gap": _words("navy banana retailer apparel stores athleta"),
    "delta": _words("airline airlines bastian flight flights jets pilots routes united"),
    "united": _words("airline airlines flights flight pilots jets delta kirby routes"),
    "block": _words("dorsey square bitcoin cash"),
}  # fmt: skip
"""Words that tell an ambiguous name: beside one of them it is the company."""

FOLLOWERS: Mapping[str, frozenset[str]] = {
    "amazon": _words("basin deforestation delta fire fires forest jungle rainforest region river tribe tribes"),
    "apple": _words("butter cider crop crops farmers grower growers harvest juice martini orchard orchards pie pies picking "
                       "sauce tree trees valley"),
    "berkshire": _words("town village"),
    "block": _words("chain on party the trade trades"),
    "caterpillar": _words("infestation invasion larvae outbreak"),
    "delta": _words("blues dental force hedging province region smelt variant"),
    "dow": _words("average closes drops ends falls futures gains industrials jones jumps rises slides slips"),
    "ford": _words("coppola field foundation madox theater theatre"),
    "eaton": _words("vance"),
    "fox": _words("hunt hunting sighting"),
    "gap": _words("between in is narrows up widens year"),
    "gm": _words("corn crop crops food foods seeds wheat"),
    "intel": _words("agencies agency committee"),
    "lilly": _words("allen collins king"),
    "match": _words("day fixing of point report"),
    "meta": _words("analyses analysis description ethics study"),
    "oracle": _words("arena bones of park"),
    "shell": _words("company game script"),
    "snap": _words("decision election judgment lockdown poll"),
    "target": _words("audience date heart of price prices range rate rates zone"),
    "travelers": _words("at from to who"),
    "united": _words("arab church kingdom methodist nations states way"),
    "yum": _words("china"),
    "visa": _words("application applications backlog ban bond curbs delays fraud holders interviews policy program programs "
                      "requirements restrictions rules waiver waivers"),
}  # fmt: skip
"""Words after a name that show that it is not the company."""

PRECEDERS: Mapping[str, frozenset[str]] = {
    "apple": frozenset({"big"}),
    "corning": frozenset({"owens"}),
    "ford": frozenset({"eagle"}),
    "gap": _words("gender output pay wage wealth"),
    "target": _words("emissions fed inflation price profit rate"),
    "united": _words("leeds manchester newcastle"),
    "visa": _words("exit schengen student tourist work"),
}
"""Words before a name that show that it is not the company."""

BROKERS = _words("bofa citi citigroup goldman jefferies jpm jpmorgan") | frozenset(
    ["bank of america", "bank of america corp", "goldman sachs", "j.p morgan", "jp morgan", "jpmorgan chase",
     "morgan stanley", "raymond james", "wells fargo"]
)  # fmt: skip
"""Companies whose analysts judge others: beside a word of `RATING_WORDS` they speak and are not spoken of."""

RATING_WORDS = _words("""
    analyst analysts conference coverage downgrade downgraded downgrades estimate estimates initiated initiates
    neutral outperform overweight pt rating reiterated reiterates target targets underperform underweight
    upgrade upgraded upgrades
""")

BUSINESS_VERBS = _words("""
    accelerates acquires adds agrees announces appoints approves backs bans begins blames builds cancels
    ceases closes confirms debuts defends delays denies discontinues doubles ends expands explores extends
    faces files fires fixes halts hires invests joins loses makes moves names offers opens orders partners
    plans postpones prepares pulls pushes releases removes replaces reveals revives rolls said says scraps
    seeks shakes shows signs shuts starts stops suspends tackles taps tests trims touts unveils updates urges warns wins withdraws
""")
"""What companies do: the name before one of these, at the head of a headline, is a company."""

CONTEXT_ONLY = frozenset({"dow", "united"})
"""Names that words of the market do not tell: the Dow falls and Manchester United has shares."""
