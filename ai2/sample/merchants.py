"""Who the sample business deals with: real names where the public does, invented ones for its own customers.

Amounts are ranges in pence or cents; `chance` is per month.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Regular:
    """Paid every month (or quarter) on about the same day."""

    day: int
    kind: str
    description: str
    low: int
    high: int
    every_months: int = 1


@dataclass(frozen=True)
class Shop:
    """A merchant the card is used at, `times` a month on average; `#` in the description becomes a digit."""

    description: str
    mcc: str
    low: int
    high: int
    times: float
    refund_chance: float = 0.0


CURRENT_MONTHLY = (
    Regular(1, "SO", "HARBOUR ESTATES LTD RENT UNIT 7", 285_000, 285_000),
    Regular(1, "DD", "BRISTOL CITY COUNCIL BUSINESS RATES", 61_200, 61_200),
    Regular(3, "DD", "HISCOX INSURANCE", 8_450, 8_450),
    Regular(8, "DD", "BRITISH GAS BUSINESS", 38_000, 91_000),
    Regular(12, "DD", "BT GROUP PLC", 7_194, 7_194),
    Regular(15, "DD", "XERO UK LTD", 3_960, 3_960),
    Regular(16, "DD", "VODAFONE BUSINESS", 5_310, 5_810),
    Regular(19, "DD", "NEST PENSION", 51_480, 51_480),
    Regular(21, "DD", "FUNDING CIRCLE LOAN REPAYMENT", 74_220, 74_220),
    Regular(22, "BP", "HMRC CUMBERNAULD PAYE 475PW00123456", 168_000, 191_000),
    Regular(7, "DD", "HMRC VAT 987654321", 240_000, 420_000, every_months=3),
    Regular(11, "DD", "BRISTOL WESSEX WATER", 17_000, 26_000, every_months=3),
    Regular(24, "FPO", "MERIDIAN ACCOUNTANTS LLP", 45_000, 45_000, every_months=3),
)
SALARIES = (("R OKAFOR", 241_350), ("E LINDQVIST", 198_720), ("T MORGAN", 176_410))
WHOLESALE = (
    ("OAK AND ELM RESTAURANTS", 96_000, 184_000),
    ("THE TIDE HOTEL", 142_000, 263_000),
    ("QUAYSIDE OFFICES LTD", 38_000, 74_000),
    ("ST NICHOLAS MARKET CAFE", 24_000, 61_000),
)
CARD_SHOPS = (
    Shop("TESCO STORES #### BRISTOL", "5411", 1_200, 9_800, 3.2),
    Shop("AMZNMKTPLACE*######## AMAZON.CO.UK", "5942", 900, 18_500, 3.5, refund_chance=0.06),
    Shop("SHELL TEMPLE GATE #### BRISTOL", "5541", 4_200, 8_900, 2.4),
    Shop("GOOGLE*WORKSPACE CC@GOOGLE.COM", "5734", 4_140, 4_140, 1),
    Shop("ADOBE *CREATIVE CLOUD", "5734", 5_698, 5_698, 1),
    Shop("FACEBK *########## FB.ME/ADS", "7311", 6_000, 24_000, 2),
    Shop("TRAINLINE.COM LONDON", "4112", 1_850, 11_200, 1.6, refund_chance=0.08),
    Shop("UBER *TRIP HELP.UBER.COM", "4121", 640, 3_450, 2.2),
    Shop("ROYAL MAIL ONLINE POSTAGE", "9402", 480, 6_700, 3),
    Shop("SCREWFIX DIRECT #### BRISTOL", "5251", 850, 14_900, 1.1, refund_chance=0.1),
    Shop("IKEA BRISTOL", "5712", 3_900, 32_000, 0.3, refund_chance=0.1),
    Shop("PREMIER INN ########", "7011", 6_500, 14_500, 0.4),
    Shop("PRET A MANGER #### LONDON", "5814", 410, 1_890, 2),
    Shop("COSTA COFFEE ########", "5814", 330, 1_290, 1.4),
    Shop("GREGGS PLC #### BRISTOL", "5814", 285, 1_150, 1.6),
    Shop("RYMAN #### BRISTOL", "5943", 650, 4_800, 0.8),
    Shop("CURRYS ONLINE", "5732", 4_900, 54_900, 0.2, refund_chance=0.15),
    Shop("BOOKER CASH & CARRY #### AVONMOUTH", "5411", 6_800, 38_000, 1.8),
    Shop("RINGGO PARKING", "7523", 180, 1_250, 2.6),
    Shop("DELIVEROO", "5812", 1_450, 4_900, 0.7),
)
EURO_SUPPLIERS = (
    ("List + Beisler GmbH", "Rohkaffee Rechnung {}", 320_000, 680_000, 0.9),
    ("Rehm & Co. GmbH Hamburg", "Rohkaffee Lieferung {}", 180_000, 390_000, 0.5),
    ("Probat AG", "Ersatzteile Röster Auftrag {}", 12_000, 96_000, 0.3),
    ("Rajapack GmbH", "Verpackung Bestellung {}", 14_000, 52_000, 0.8),
    ("DHL Express Germany GmbH", "Sendung {}", 4_200, 16_800, 1.6),
)
EURO_CUSTOMERS = (
    ("Café Schönbrunn GmbH", "Rechnung {}", 118_000, 246_000, 1.6),
    ("Feinkost Müller e.K.", "Ihre Rechnung {}", 64_000, 148_000, 1.1),
    ("Brûlerie du Port SARL", "FACTURE {}", 92_000, 210_000, 0.9),
)
