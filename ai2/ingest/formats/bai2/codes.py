"""BAI2's transaction codes: which way money went, and what the common ones are called where the bank says no more.

Ranges and names after "Cash Management Balance Reporting Specifications, Version 2" (Bank Administration Institute).
"""

NAMES = {
    "108": "Credit", "115": "Lockbox deposit", "116": "Item in lockbox deposit", "118": "Lockbox adjustment credit",
    "121": "EDI transaction credit", "135": "DTC concentration credit", "142": "ACH credit received",
    "143": "Item in ACH deposit", "145": "ACH concentration credit", "147": "Bank card deposit",
    "155": "Preauthorized draft credit", "164": "Corporate trade payment credit", "165": "Preauthorized ACH credit",
    "166": "ACH settlement", "168": "ACH return item or adjustment settlement", "169": "Miscellaneous ACH credit",
    "171": "Loan deposit", "172": "Deposit correction", "174": "Other deposit", "175": "Check deposit package",
    "191": "Incoming internal money transfer", "195": "Incoming money transfer", "196": "Money transfer adjustment",
    "201": "Automatic transfer credit", "206": "Book transfer credit", "208": "International money transfer credit",
    "213": "Letter of credit", "214": "Foreign exchange credit", "218": "Foreign collection credit",
    "222": "Foreign checks deposited", "227": "Standing order", "252": "Debit reversal",
    "254": "Posting error correction credit", "255": "Check posted and returned", "257": "ACH return item",
    "258": "ACH reversal credit", "266": "Return item", "275": "ZBA credit", "277": "ZBA credit transfer",
    "295": "ATM credit", "301": "Commercial deposit", "346": "Sweep interest income", "347": "Sweep principal sell",
    "354": "Interest credit", "357": "Credit adjustment", "366": "Currency and coin deposited",
    "373": "Customer payroll", "395": "Check reversal", "398": "Miscellaneous fee refund",
    "399": "Miscellaneous credit",
    "408": "Float adjustment", "409": "Debit", "415": "Lockbox debit", "421": "EDI transaction debit",
    "445": "ACH concentration debit", "447": "ACH disbursement funding debit", "451": "ACH debit received",
    "455": "Preauthorized ACH debit", "464": "Corporate trade payment debit", "466": "ACH settlement",
    "469": "Miscellaneous ACH debit", "474": "Certified check debit", "475": "Check paid", "481": "Loan payment",
    "491": "Outgoing internal money transfer", "493": "Customer terminal initiated money transfer",
    "495": "Outgoing money transfer", "496": "Money transfer adjustment", "501": "Automatic transfer debit",
    "506": "Book transfer debit", "508": "International money transfer debit", "513": "Letter of credit",
    "514": "Foreign exchange debit", "518": "Foreign collection debit", "522": "Foreign checks paid",
    "527": "Standing order", "552": "Credit reversal", "554": "Posting error correction debit",
    "555": "Deposited item returned", "557": "ACH return item", "558": "ACH reversal debit", "564": "Overdraft fee",
    "566": "Return item", "567": "Return item fee", "575": "ZBA debit", "577": "ZBA debit transfer",
    "595": "ATM debit", "631": "Debit adjustment", "654": "Interest debit", "656": "Sweep principal buy",
    "661": "Account analysis fee", "666": "Currency and coin shipped", "673": "Customer payroll",
    "694": "Deposit reversal", "695": "Deposit correction debit", "698": "Miscellaneous fees",
    "699": "Miscellaneous debit",
    "721": "Amount applied to interest", "722": "Amount applied to principal",
}  # fmt: skip
# Loan payments are 72x, loans paid out 76x; from 900 on a bank's own codes, credits first.
CREDITS = (range(100, 400), range(720, 760), range(920, 960))
DEBITS = (range(400, 700), range(760, 800), range(960, 1000))
# Totals and balances, which belong to an account's summary.
SUMMARIES = frozenset({100, 400, 720, 760, *range(100)})


def direction(code: str) -> int:
    """+1 money in, -1 money out, 0 where the code says neither."""
    number = int(code) if code.isdecimal() else -1
    return any(number in codes for codes in CREDITS) - any(number in codes for codes in DEBITS)


def is_summary(code: str) -> bool:
    return code.isdecimal() and int(code) in SUMMARIES
