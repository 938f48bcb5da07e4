"""Place names that close card descriptors: states, countries and towns, so that a branch is its merchant.

Common knowledge of geography, not a gazetteer: towns with many shops in the countries whose cards print
"MERCHANT TOWN ST". A town that is also an everyday word counts only where a state or country follows it.
"""


def _names(text: str) -> frozenset[str]:
    return frozenset(" ".join(name.split()) for name in text.split(","))


STATES = _names(
    """al, ak, az, ar, ca, ct, dc, fl, ga, id, il, ia, ks, ky, la, ma, md, mi, mn, mo, ms, mt, nc, nd, ne, nh,
    nj, nm, nv, ny, oh, pa, pr, ri, sc, sd, tn, tx, ut, va, vt, wa, wi, wv, wy, ab, bc, mb, nb, ns, pe, qc, sk,
    nsw, qld, vic"""
)
# Everyday words too (a company, in, or, me): a state only after one of the towns.
AMBIGUOUS_STATES = _names("co, de, hi, in, me, ok, on, or")
COUNTRIES = _names(
    """us, usa, gb, gbr, uk, ie, irl, can, au, aus, nz, nzl, deu, fr, fra, es, esp, ita, nl, nld, be,
    bel, lux, che, aut, pt, prt, se, swe, nor, dk, dnk, fi, fin, pl, pol, cz, cze, hu, hun, ro,
    rou, grc, cyp, mlt, ee, est, lt, ltu, lv, lva, bg, bgr, hr, hrv, svn, svk, jp, jpn, chn, hk,
    hkg, sg, sgp, ind, are, isr, tur, zaf, mx, mex, br, bra"""
)

TOWNS = _names(
    """abilene, akron, albany, albuquerque, alexandria, alpharetta, amarillo, anaheim, anchorage, ann
    arbor, arlington, asheville, atlanta, austin, bakersfield, baltimore, baton rouge, bellevue,
    berkeley, bethesda, beverly hills, birmingham, bloomington, boca raton, boise, boston,
    boulder, bronx, brooklyn, buffalo, burbank, burlington, cambridge, carlsbad, chandler,
    charleston, charlotte, chattanooga, chesapeake, chicago, chula vista, cincinnati, clearwater,
    cleveland, colorado springs, columbus, corpus christi, costa mesa, culver city, cupertino,
    dallas, daly city, dayton, denton, denver, des moines, detroit, dublin, duluth, durham, el
    paso, emeryville, escondido, eugene, evanston, evansville, fayetteville, flagstaff, fort
    collins, fort lauderdale, fort wayne, fort worth, fremont, fresno, frisco, fullerton,
    gainesville, garden grove, glendale, grand rapids, green bay, greensboro, greenville,
    hartford, hayward, hialeah, hoboken, honolulu, houston, huntington beach, huntsville,
    indianapolis, irvine, jacksonville, jersey city, kansas city, knoxville, lafayette, lakewood,
    laredo, las vegas, lexington, little rock, long beach, long island city, los angeles,
    louisville, lubbock, madison, manhattan, mckinney, memphis, menlo park, miami, miami beach,
    milpitas, milwaukee, minneapolis, modesto, montgomery, mountain view, murfreesboro,
    naperville, nashville, newark, new haven, new orleans, new york, new york city, newport beach,
    norfolk, oakland, oceanside, oklahoma city, olympia, omaha, orlando, overland park, oxnard,
    palo alto, pasadena, philadelphia, phoenix, pittsburgh, plano, pleasanton, portland,
    providence, raleigh, redmond, redwood city, reno, rochester, roseville, round rock,
    sacramento, saint louis, saint paul, salinas, salt lake city, san antonio, san bernardino, san
    bruno, san diego, san francisco, san jose, san leandro, san mateo, san rafael, santa ana,
    santa barbara, santa clara, santa cruz, santa fe, santa monica, santa rosa, sarasota,
    savannah, schaumburg, scottsdale, scranton, seattle, silver spring, sioux falls, somerville,
    south san francisco, spokane, springfield, st louis, st paul, st petersburg, stamford, staten
    island, stockton, sunnyvale, syracuse, tacoma, tallahassee, tampa, tempe, thousand oaks,
    toledo, topeka, torrance, tucson, tulsa, virginia beach, walnut creek, washington, washington
    dc, west hollywood, west palm beach, white plains, wichita, wilmington, winston salem,
    worcester, yonkers, aberdeen, aberystwyth, aldershot, altrincham, ashford, aylesbury, banbury,
    barking, barnsley, basildon, basingstoke, bedford, belfast, birkenhead, blackburn, blackpool,
    bolton, bournemouth, bracknell, bradford, brentwood, brighton, bristol, bromley, burnley,
    camberley, canterbury, cardiff, carlisle, chelmsford, cheltenham, chester, chesterfield,
    chichester, colchester, coventry, crawley, crewe, croydon, darlington, derby, doncaster,
    dover, dudley, dundee, eastbourne, edinburgh, enfield, epsom, exeter, falkirk, farnborough,
    folkestone, gateshead, gillingham, glasgow, gloucester, grimsby, guildford, halifax, harlow,
    harrogate, harrow, hartlepool, hastings, hatfield, hemel hempstead, hereford, high wycombe,
    hounslow, huddersfield, hull, ilford, inverness, ipswich, kettering, kidderminster, kingston,
    leamington spa, leeds, leicester, lichfield, liverpool, livingston, london, loughborough,
    luton, maidenhead, maidstone, manchester, mansfield, middlesbrough, milton keynes, newcastle,
    newcastle upon tyne, newport, northampton, norwich, nottingham, nuneaton, oldham, oxford,
    perth, peterborough, plymouth, poole, portsmouth, preston, redditch, redhill, rochdale,
    romford, rotherham, salford, salisbury, scunthorpe, sheffield, shrewsbury, slough, solihull,
    southampton, southend, southport, st albans, st helens, stevenage, stirling, stockport, stoke
    on trent, stratford, sunderland, sutton coldfield, swansea, swindon, tamworth, taunton,
    telford, torquay, truro, tunbridge wells, uxbridge, wakefield, walsall, warrington, watford,
    wembley, weymouth, wigan, winchester, windsor, woking, wokingham, wolverhampton, worthing,
    wrexham, yeovil, cork, galway, limerick, waterford, amsterdam, barcelona, berlin, brussels,
    copenhagen, frankfurt, hamburg, lisbon, luxembourg, madrid, milan, munich, paris, prague,
    rome, rotterdam, stockholm, vienna, warsaw, zurich, singapore, hong kong, sydney, melbourne,
    brisbane, adelaide, canberra, auckland, wellington, christchurch, toronto, montreal,
    vancouver, calgary, edmonton, ottawa, winnipeg, mississauga, dubai"""
)
# Everyday words too: a town only before its state or country.
AMBIGUOUS_TOWNS = _names(
    """aurora, bath, bend, bury, carson, columbia, concord, corona, enterprise, euclid, everett, garland,
    gilbert, hampton, henderson, hollywood, hove, independence, irving, jackson, katy, kent,
    lancaster, lincoln, mesa, mobile, normal, ontario, orange, pearl, peoria, rugby, reading,
    richardson, richmond, riverside, sale, salem, stafford, sandy, surprise, tyler, warren,
    warwick, ware, york, deal, wells, battle, diss, eye, ventura, cary, allen, provo, pueblo,
    paterson, queens, elgin, euless, el monte, cedar park, westminster, centennial, thornton"""
)
