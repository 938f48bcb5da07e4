"""Words by which bank texts tell transfers, and what is none, in the languages of the banks that we read.

Texts are normalised before: lower case, runs of space one space.
"""

import re
from collections.abc import Mapping

# Between own accounts, or to a card.
TRANSFER = re.compile(
    r"\b(?:transfers?|transferred|xfer|tfr|trf|trsf|internal|own accounts?|between accounts|move money|moved|top ?up"
    r"|(?:from|to) a/c|sweep|exchanged|currency exchange|conversion|(?:card )?payment received"
    r"|payment ?[-,]? ?thank you|auto ?pay|statement (?:balance|payment)|(?:credit )?card (?:re)?(?:payment|pmt|pymt)"
    r"|umbuchung|[uü]bertrag|uebertrag|eigenes konto|kontoausgleich|virement interne|compte [aà] compte|entre comptes"
    r"|eigen rekening|spaaropdracht|(?:naar|van) spaar\w*|traspaso|trasp|entre cuentas|entre contas|giroconto|girofondo"
    r"|przelew w[lł]asny|w[lł]asny|mezi vlastn[ií]mi|vlastn[ií]|egen konto|mellom egne|egne konti|oma siirto)\b"
)
# How money is sent to anybody: it speaks of a transfer, and not of whose.
SENT = re.compile(
    r"\b(?:standing order|faster payment|bill ?payment|wire|transf|[uü]berweisung|ueberweisung|dauerauftrag"
    r"|virements?|vir|virt|versement|overboeking|overschrijving|transferencia|transfer[eê]ncia|bonifico|trasferimento"
    r"|przelewy?|p[rř]evody?|[oö]verf[oö]ring|overf[oø]ring|overf[oø]rsel|tilisiirto|siirto)\b"
)
# Both for PostgreSQL, coarser: it only says which rows are looked at where amounts differ.
EITHER_SQL = (
    r"(transf|xfer|\mtfr|\mtrf|internal|own acc|between acc|move|top ?up|a/c|standing order|faster payment|sweep"
    r"|exchange|conversion|wire|thank you|payment received|auto ?pay|bill ?pay|card pay|berweisung|umbuchung|bertrag"
    r"|dauerauftrag|konto|virement|\mvirt?\M|versement|compte|boeking|schrijving|rekening|spaar|traspas|cuenta|conta\M"
    r"|bonifico|giro|trasfer|przelew|w[lł]asn|p[rř]evod|vlastn|verf[oöø]r|siirto)"
)
CASH = re.compile(
    r"\b(?:atm|cash|cashpoint|cash machine|withdrawal|withdraw|wdl|bankomat|geldautomat|barauszahlung|bargeld|retrait"
    r"|distributeur|dab|geldautomaat|geldopname|cajero|reintegro|prelievo|bancomat|levantamento|multibanco|wyp[lł]ata"
    r"|v[yý]b[eě]r|uttag|h[aæ]vning|minibank|uttak|k[aä]teis\w*|otto)\b"
)
SALARY = re.compile(
    r"\b(?:salary|payroll|wages?|pension|dividend|gehalt|lohn|bez[uü]ge|rente|salaires?|paie|salaris|loon|n[oó]mina"
    r"|stipendio|sal[aá]rio|vencimento|wynagrodzenie|pensja|mzda|plat|l[oö]n|l[oø]nn?|palkka)\b"
)
NO_TRANSFER = re.compile(
    r"\b(?:interest|zinsen|int[eé]r[eê]ts|rente|intereses|interessi|juros|odsetki|[uú]roky|r[aä]nta|korko|refunds?"
    r"|r[uü]ckerstattung|erstattung|remboursement|reembolso|rimborso|zwrot|cashback|purchase|pos)\b"
)
FEE = re.compile(
    r"\b(?:fees?|charges?|commission|geb[uü]hr\w*|entgelt|frais|kosten|comisi[oó]n|commissione|comiss[aã]o|prowizja"
    r"|poplatek|avgift|gebyr|palvelumaksu)\b"
)
# What a text calls an account of that kind.
KINDS: Mapping[str, re.Pattern[str]] = {
    "savings": re.compile(
        r"\b(?:sav|savings?|saver|isa|pot|reserve|rainy day|spar\w*|tagesgeld|festgeld|livret|ldd|[eé]pargne|spaar\w*"
        r"|ahorros?|risparmio|poupan[cç]a|oszcz\w*|spo[rř]\w*|s[aä][aä]st[oö]\w*)\b"
    ),
    "card": re.compile(
        r"\b(?:card|cc|visa|mastercard|amex|american express|kreditkarte|carte|tarjeta|carta|kort|karta)\b"
    ),
    "loan": re.compile(
        r"\b(?:loan|mortgage|darlehen|kredit|hypothek|pr[eê]t|lening|hypotheek|pr[eé]stamo|mutuo|l[aå]n)\b"
    ),
    "cash": CASH,
    "bank": re.compile(
        r"\b(?:current|checking|chequing|giro|girokonto|courant|betaalrekening|corriente|corrente|main)\b"
    ),
}
