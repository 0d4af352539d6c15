"""Texts that are corrupted, made from sound ones by the accidents that really happen, and sound ones that only look strange."""

from __future__ import annotations

import base64
import codecs
import random
import string
import zlib

PROSE = {
    "en": "The river rises in spring because the snow in the mountains melts. Farmers along its banks wait for the flood, which brings the mud that feeds "
    "their fields. In dry years it stays away, and then they dig. The oldest canals were dug by hand some four thousand years ago and are still in use, "
    "though nobody remembers who first had the idea of a gate that opens by itself when the pressure grows too high.",
    "de": "Der Fluss steigt im Frühling, weil der Schnee in den Bergen schmilzt. Die Müller am Ufer wussten das seit Jahrhunderten: Sie bauten ihre Wehre so "
    "hoch, dass ein gewöhnliches Hochwasser ihnen nichts anhaben konnte, und räumten im März die Keller. Erst als man den Lauf begradigte, kamen die "
    "Fluten schneller, als jemand fliehen konnte, und die Brücken hielten nicht mehr.",
    "fr": "La rivière monte au printemps parce que la neige des montagnes fond. Les paysans attendent la crue, qui dépose le limon dont leurs champs ont "
    "besoin. Les années sèches, elle ne vient pas, et l'on creuse. Les plus vieux canaux ont été tracés à la main il y a quatre mille ans ; on les "
    "entretient encore, sans savoir qui eut le premier l'idée d'une vanne qui s'ouvre d'elle-même.",
    "es": "El río crece en primavera porque se derrite la nieve de las montañas. Los campesinos esperan la inundación, que trae el barro del que viven sus "
    "campos. En los años secos no llega, y entonces cavan. Los canales más antiguos se abrieron a mano hace cuatro mil años y siguen en uso, aunque nadie "
    "recuerda quién tuvo primero la idea de una compuerta que se abre sola cuando aprieta el agua.",
    "ru": "Весной река поднимается, потому что в горах тает снег. Крестьяне ждут разлива: он приносит ил, которым живут поля. В сухие годы воды нет, и тогда "
    "они копают. Самые старые каналы вырыты вручную четыре тысячи лет назад и служат до сих пор, хотя никто не помнит, кому первому пришла мысль о "
    "затворе, который сам открывается, когда напор становится слишком велик.",
    "cs": "Řeka na jaře stoupá, protože v horách taje sníh. Rolníci u jejích břehů čekají na povodeň, která přináší bahno, z něhož žijí jejich pole. V suchých "
    "letech nepřijde, a tehdy kopou. Nejstarší průplavy byly vykopány ručně před čtyřmi tisíci lety a dodnes slouží, ačkoli nikdo neví, koho první napadlo "
    "stavidlo, které se otevře samo, když tlak příliš vzroste.",
}  # fmt: skip

_drawn = random.Random(17)


def _noise(text: str, share: float, signs: str) -> str:
    return "".join(_drawn.choice(signs) if one.isalpha() and _drawn.random() < share else one for one in text)


def _sprinkled(text: str, share: float, sign: str) -> str:
    return "".join(sign if one.isalpha() and _drawn.random() < share else one for one in text)


def _misread(text: str, by: str, times: int = 1) -> str:
    for _ in range(times):
        text = text.encode("utf-8").decode(by, "replace")
    return text


def _mixed_up(text: str) -> str:
    return " ".join("".join(_drawn.sample(word, len(word))) for word in text.split())


def _shifted(text: str, by: int) -> str:
    """What a PDF without a map of its glyphs gives: every character some places further."""
    return "".join(chr(33 + (ord(one) - 33 + by) % 94) if "!" <= one <= "~" else one for one in text)


def _words(length: int, count: int, signs: str) -> str:
    return " ".join("".join(_drawn.choices(signs, k=_drawn.randint(2, length))) for _ in range(count))


_BYTES = bytes(_drawn.randrange(256) for _ in range(3_000))
_SPAM = (
    "buy cheap watches online now ",
    "click here to win a prize today ",
    "la la la la ",
    "Home About Contact Login ",
)

CORRUPTED: tuple[tuple[str, str], ...] = (
    *((f"misread as Windows-1252: {lang}", _misread(PROSE[lang] * 2, "cp1252")) for lang in ("de", "fr", "es", "cs", "ru")),
    *((f"misread twice: {lang}", _misread(PROSE[lang] * 2, "cp1252", 2)) for lang in ("de", "fr", "es")),
    *((f"misread as Latin-1: {lang}", _misread(PROSE[lang] * 2, "latin-1")) for lang in ("de", "fr", "ru")),
    *((f"letters lost: {lang}", _sprinkled(PROSE[lang], 0.03, "\ufffd")) for lang in PROSE),
    *((f"control characters: {lang}", _sprinkled(PROSE[lang], 0.03, "\x07")) for lang in ("en", "de", "ru")),
    *((f"half its letters by chance: {lang}", _noise(PROSE[lang], 0.6, string.ascii_lowercase)) for lang in ("en", "de", "fr", "es")),
    *((f"letters of words mixed up: {lang}", _mixed_up(PROSE[lang])) for lang in ("en", "de", "fr", "es")),
    *((f"glyphs shifted by {by}", _shifted(PROSE["en"], by)) for by in (3, 29, 47)),
    *((f"turned by thirteen: {lang}", codecs.encode(PROSE[lang], "rot13")) for lang in ("en", "de", "es")),
    *((f"back to front: {lang}", PROSE[lang][::-1]) for lang in ("en", "de")),
    *((f"every letter apart: {lang}", " ".join(PROSE[lang].replace(" ", ""))) for lang in ("en", "de", "fr", "ru")),
    *((f"words run together: {lang}", PROSE[lang].replace(" ", "")) for lang in ("en", "de", "ru")),
    *((f"the same again and again: {text.split()[0]}", text * 90) for text in _SPAM),
    *((f"one paragraph, many times: {lang}", (PROSE[lang] + "\n\n") * 12) for lang in ("en", "ru")),
    ("base64", base64.b64encode(_BYTES).decode()), ("base64 in lines", base64.encodebytes(_BYTES).decode()),
    ("hexadecimal", _BYTES.hex()), ("hexadecimal in pairs", _BYTES[:900].hex(" ")),
    ("bytes as Latin-1", _BYTES.decode("latin-1")), ("compressed bytes", zlib.compress(PROSE["en"].encode() * 9).decode("latin-1") * 4),
    ("uuencode", "\n".join("M" + "".join(chr(32 + _drawn.randrange(64)) for _ in range(60)) for _ in range(40))),
    ("glyph numbers", " ".join(f"(cid:{_drawn.randrange(3, 120)})" for _ in range(300))),
    ("keys struck by chance", _words(9, 160, "qwertyuiopasdfghjklzxcvbnm")), ("consonants", _words(8, 160, "qwrtpsdfghjklzxcvbnm")),
    ("keys and digits", _words(12, 260, string.ascii_letters + string.digits)), ("punctuation", _words(6, 300, string.punctuation)),
    ("digits by chance", " ".join(str(_drawn.random()) for _ in range(90))), ("boxes", "□ " * 400), ("dots of a table of contents", ("." * 60 + " 3\n") * 30),
    ("scanner's dust", "".join(_drawn.choice(" .,'`~-_|/\\^:;!il1") for _ in range(1_500))),
)  # fmt: skip

SOUND: tuple[tuple[str, str], ...] = (
    *((f"prose: {lang}", text) for lang, text in PROSE.items()),
    ("code: Python", "def find(items, wanted):\n    for at, item in enumerate(items):\n        if item == wanted:\n            return at\n    return -1\n\n\nclass Tree:\n    def __init__(self, left=None, right=None):\n        self.left = left\n        self.right = right\n\n    def depth(self):\n        return 1 + max((branch.depth() for branch in (self.left, self.right) if branch), default=0)\n"),
    ("code: C", "#include <stdio.h>\n\nint main(int argc, char **argv) {\n    for (int i = 1; i < argc; i++) {\n        printf(\"%s%c\", argv[i], i + 1 < argc ? ' ' : '\\n');\n    }\n    return 0;\n}\n\nstatic unsigned gcd(unsigned a, unsigned b) {\n    while (b) { unsigned t = a % b; a = b; b = t; }\n    return a;\n}\n"),
    ("code: Haskell", "quicksort :: Ord a => [a] -> [a]\nquicksort [] = []\nquicksort (p:xs) = quicksort lesser ++ [p] ++ quicksort greater\n  where\n    lesser  = filter (< p) xs\n    greater = filter (>= p) xs\n\nmain :: IO ()\nmain = print (quicksort [3, 1, 4, 1, 5, 9, 2, 6])\n"),
    ("code: assembly", "```asm\nsection .text\nglobal _start\n_start:\n    mov eax, 4\n    mov ebx, 1\n    mov ecx, msg\n    mov edx, len\n    int 0x80\n    xor ebx, ebx\n    mov eax, 1\n    int 0x80\nsection .data\nmsg db 'hello', 0xa\nlen equ $ - msg\n```\n"),
    ("code: regular expressions", "```perl\nwhile (<>) {\n  next if /^\\s*(?:#|$)/;\n  s/\\b(\\w)(\\w*)\\b/\\U$1\\L$2/g;\n  print unless m{^//.*?\\*/};\n}\n```\n"),
    ("code: CSS", "```css\n.card { display: grid; gap: 1rem; }\n.card > h2 { margin: 0; font-size: 1.2rem; }\n@media (max-width: 40rem) { .card { display: block; } }\n.card a:hover { color: var(--accent); }\n```\n"),
    ("code: JSON", '{\n  "name": "river",\n  "rises": ["spring", "autumn"],\n  "length_km": 412.5,\n  "gauge": {"id": 17, "unit": "m", "values": [1.2, 1.9, 3.4, 2.2]}\n}\n'),
    ("code: SQL", "SELECT r.name, avg(g.level) AS mean_level\n  FROM river r JOIN gauge g ON g.river_id = r.id\n WHERE g.taken_at >= date '2020-01-01'\n GROUP BY r.name\nHAVING count(*) > 10\n ORDER BY mean_level DESC;\n"),
    ("code: shell", "for file in *.csv; do\n  cut -d, -f1,3 \"$file\" | sort -u | awk -F, '{s+=$2} END {print s}' >> sums.txt\ndone\ngrep -rn 'TODO' src | wc -l\n"),
    ("formulas: TeX", "The quadratic formula is $x = \\frac{-b \\pm \\sqrt{b^2 - 4ac}}{2a}$. For the sum we have $$\\sum_{k=1}^{n} k = \\frac{n(n+1)}{2}$$ and by induction $$\\int_0^1 x^n \\, dx = \\frac{1}{n+1}.$$ Hence $\\lim_{n \\to \\infty} \\int_0^1 x^n \\, dx = 0$."),
    ("formulas: Unicode", "∀ε > 0 ∃δ > 0: |x − a| < δ ⇒ |f(x) − L| < ε. Also ∑ᵢ xᵢ² ≥ (∑ᵢ xᵢ)²/n, and ∇·E = ρ/ε₀, ∇×B = μ₀J + μ₀ε₀ ∂E/∂t. So A ∩ (B ∪ C) = (A ∩ B) ∪ (A ∩ C)."),
    ("formulas: chemistry", "2 H₂ + O₂ → 2 H₂O; CH₄ + 2 O₂ → CO₂ + 2 H₂O; N₂ + 3 H₂ ⇌ 2 NH₃ (ΔH = −92 kJ/mol). Fe²⁺ is oxidised to Fe³⁺: 4 Fe²⁺ + O₂ + 4 H⁺ → 4 Fe³⁺ + 2 H₂O."),
    ("formulas: display only", "\n".join(f"$$ a_{{{n}}} = \\frac{{{n}}}{{{n + 1}}} + \\sqrt{{{n * 3}}} $$" for n in range(1, 25))),
    ("table: words", "| River | Country | Length |\n|---|---|---|\n| Vltava | Czechia | 430 km |\n| Elbe | Germany | 1094 km |\n| Loire | France | 1006 km |\n| Tagus | Portugal | 1007 km |\n| Volga | Russia | 3531 km |\n"),
    ("table: numbers", "Mean level in metres, by month and year.\n\n| | 2019 | 2020 | 2021 | 2022 |\n|---|---|---|---|---|\n" + "\n".join(f"| month {m} | {m * 1.7:.2f} | {m * 2.3 % 5:.2f} | {m * 0.9:.2f} | {m * 3.1 % 4:.2f} |" for m in range(1, 13))),
    ("table: marks", "| | Mon | Tue | Wed |\n|---|---|---|---|\n| open | ✓ | ✓ | – |\n| guided tour | – | ✓ | ✓ |\n| late | ✓ | – | ✓ |\nThe museum is closed on Sundays; on holidays it opens at noon.\n"),
    ("poem", "Tyger Tyger, burning bright,\nIn the forests of the night;\nWhat immortal hand or eye,\nCould frame thy fearful symmetry?\n\nIn what distant deeps or skies,\nBurnt the fire of thine eyes?\nOn what wings dare he aspire?\nWhat the hand, dare seize the fire?\n"),
    ("poem with a refrain", "Row, row, row your boat,\nGently down the stream.\nMerrily, merrily, merrily, merrily,\nLife is but a dream.\n\nRow, row, row your boat,\nGently up the creek.\nIf you see a little mouse,\nDon't forget to squeak!\n"),
    ("nonsense verse", "'Twas brillig, and the slithy toves\nDid gyre and gimble in the wabe:\nAll mimsy were the borogoves,\nAnd the mome raths outgrabe.\n\nBeware the Jabberwock, my son!\nThe jaws that bite, the claws that catch!\nBeware the Jubjub bird, and shun\nThe frumious Bandersnatch!\n"),
    ("haiku", "古池や蛙飛びこむ水の音\n夏草や兵どもが夢の跡\n閑さや岩にしみ入る蝉の声\n"),
    ("Chinese", "春天河水上涨,因为山上的积雪融化了。农民等待着洪水带来的淤泥,田地靠它才能丰收。干旱的年份洪水不来,人们就自己挖渠。最古老的水渠是四千年前用手挖成的,至今仍在使用。"),
    ("Japanese", "春になると山の雪が解けるので川の水位が上がります。農民たちは畑を養う泥を運んでくる洪水を待ちます。乾いた年には来ないので、自分たちで掘ります。"),
    ("Korean", "봄이 되면 산의 눈이 녹아 강물이 불어난다. 농부들은 밭을 기름지게 하는 진흙을 가져오는 홍수를 기다린다. 가문 해에는 오지 않으므로 스스로 도랑을 판다."),
    ("Thai", "ในฤดูใบไม้ผลิแม่น้ำเอ่อสูงขึ้นเพราะหิมะบนภูเขาละลาย ชาวนาริมฝั่งรอคอยน้ำหลากที่พัดพาโคลนมาเลี้ยงไร่นา ในปีที่แล้งน้ำไม่มาพวกเขาจึงขุดคลองเอง"),
    ("Arabic", "يرتفع النهر في الربيع لأن ثلوج الجبال تذوب. ينتظر الفلاحون على ضفافه الفيضان الذي يحمل الطين إلى حقولهم. وفي السنوات الجافة لا يأتي فيحفرون القنوات بأيديهم."),
    ("Hebrew", "הנהר עולה באביב מפני שהשלג בהרים נמס. האיכרים שעל גדותיו מחכים לשיטפון שמביא את הבוץ לשדותיהם. בשנים יבשות הוא אינו בא, ואז הם חופרים תעלות."),
    ("Hindi", "वसंत में नदी का पानी बढ़ जाता है क्योंकि पहाड़ों की बर्फ पिघलती है। किनारे के किसान उस बाढ़ की प्रतीक्षा करते हैं जो उनके खेतों के लिए मिट्टी लाती है।"),
    ("Greek", "Το ποτάμι φουσκώνει την άνοιξη, γιατί λιώνουν τα χιόνια στα βουνά. Οι αγρότες περιμένουν την πλημμύρα, που φέρνει τη λάσπη για τα χωράφια τους."),
    ("Finnish", "Joki nousee keväällä, koska vuorten lumet sulavat. Rannan viljelijät odottavat tulvaa, joka tuo mukanaan peltoja ruokkivan lietteen. Kuivina vuosina sitä ei tule, ja silloin kaivetaan."),
    ("Turkish", "Dağlardaki karlar eridiği için nehir ilkbaharda yükselir. Kıyıdaki çiftçiler tarlalarını besleyen çamuru getiren taşkını bekler. Kurak yıllarda taşkın gelmez, o zaman kanal kazarlar."),
    ("Hungarian", "A folyó tavasszal megárad, mert a hegyekben elolvad a hó. A parti gazdák várják az áradást, amely meghozza a földjeiket tápláló iszapot. Száraz években elmarad, és akkor ásnak."),
    ("Polish", "Wiosną rzeka wzbiera, bo w górach topnieje śnieg. Chłopi na jej brzegach czekają na powódź, która przynosi muł żywiący ich pola. W suchych latach nie nadchodzi i wtedy kopią rowy."),
    ("Welsh", "Mae'r afon yn codi yn y gwanwyn gan fod yr eira ar y mynyddoedd yn toddi. Mae'r ffermwyr ar ei glannau yn aros am y llif sy'n dod â'r llaid i'w caeau."),
    ("Zulu", "Umfula uyagcwala entwasahlobo ngoba iqhwa ezintabeni liyancibilika. Abalimi abasemaceleni awo balinda isikhukhula esiletha udaka olondla amasimu abo."),
    ("Vietnamese", "Mùa xuân nước sông dâng cao vì tuyết trên núi tan. Nông dân hai bên bờ chờ lũ mang phù sa về cho ruộng đồng. Những năm hạn lũ không về, họ phải tự đào mương."),
    ("Georgian", "გაზაფხულზე მდინარე ადიდდება, რადგან მთებში თოვლი დნება. ნაპირზე მცხოვრები გლეხები წყალდიდობას ელოდებიან, რომელსაც მათი მინდვრებისთვის შლამი მოაქვს."),
    ("Old English", "Hwæt! We Gardena in geardagum, þeodcyninga, þrym gefrunon, hu ða æþelingas ellen fremedon. Oft Scyld Scefing sceaþena þreatum, monegum mægþum, meodosetla ofteah."),
    ("dialogue", "“Where have you been?”\n“Out.”\n“Out where?”\n“Just out.”\n“You’re wet.”\n“It’s raining.”\n“It’s not.”\n“It was.”\nHe put the kettle on, and for a while neither of them said anything at all.\n"),
    ("shouting", "DANGER! HIGH VOLTAGE. DO NOT ENTER. AUTHORISED PERSONNEL ONLY. IN CASE OF FIRE LEAVE THE BUILDING BY THE NEAREST EXIT AND DO NOT USE THE LIFTS."),
    ("a recipe", "- 200 g flour\n- 3 eggs\n- 1/2 l milk\n- a pinch of salt\n\n1. Whisk the eggs.\n2. Add the milk.\n3. Sift in the flour and leave it for half an hour.\n4. Fry in butter, 2 min a side.\n"),
    ("a bibliography", "Knuth, D. E. (1974). Structured programming with go to statements. ACM Computing Surveys 6(4), 261–301.\nShannon, C. E. (1948). A mathematical theory of communication. Bell System Technical Journal 27, 379–423, 623–656.\nTuring, A. M. (1937). On computable numbers. Proc. LMS 2-42, 230–265.\n"),
    ("names", "Wojciech Szczęsny, Grzegorz Krychowiak, Łukasz Piszczek, Błażej Augustyn, Krzysztof Mączyński and Przemysław Tytoń travelled to Třinec and Brno with Zdeněk Zlámal, Jiří Skalák and Ondřej Čelůstka."),
    ("acronyms", "The HTTP/2 RFC obsoletes SPDY; TLS 1.3 (RFC 8446) drops RC4, MD5 and SHA-1. QUIC runs over UDP, DNS over HTTPS (DoH) over TCP/443, and mTLS, JWT, OAuth 2.0, OIDC and SAML are about who is who."),
    ("chess", "1. e4 e5 2. Nf3 Nc6 3. Bb5 a6 4. Ba4 Nf6 5. O-O Be7 6. Re1 b5 7. Bb3 d6 8. c3 O-O 9. h3 Nb8 10. d4 Nbd7. White keeps the centre; Black gets ready to play ...Bb7 and ...c5."),
    ("a sequence of bases", "The gene begins with the start codon and reads, in the first exon: ATG GCC ATT GTA ATG GGC CGC TGA AAG GGT GCC CGA TAG. The third codon, ATT, codes for isoleucine."),
    ("music", "```abc\nX:1\nT:Speed the Plough\nM:4/4\nK:G\n|:GABc dedB|dedB dedB|c2ec B2dB|c2A2 A2BA|\nGABc dedB|dedB dedB|c2ec B2dB|A2F2 G4:|\n```\n"),
    ("emoji", "Great trip 🚂🏔️ We walked 20 km 🥾 and saw the sun rise over the lake 🌅. Tomorrow we go home 🏡, tired and happy 😀. Thank you all for the messages 💌!"),
    ("what mojibake is", "A page in UTF-8 that is read as Latin-1 shows é as Ã©, and an apostrophe as â€™. Nothing is lost: read as Latin-1, written as bytes and read again as UTF-8, the text is whole. Editors call this mojibake, after the Japanese word for changed characters, and browsers guess encodings in order to avoid it."),
    ("hashes among words", "The release is signed. Its SHA-256 is e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855, and the older one had 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08. Compare both before you install it, and tell us where they differ."),
    ("phonetics", "In received pronunciation the word is /ˈθʌrə/, in General American [ˈθɝoʊ]; compare through /θruː/, though /ðəʊ/, cough /kɒf/, rough /rʌf/, bough /baʊ/ and hiccough /ˈhɪkʌp/."),
    ("a log", "2024-03-12 10:11:12 INFO worker-2 job 1882 started\n2024-03-12 10:11:13 INFO worker-2 job 1882: 50 of 200\n2024-03-12 10:11:19 WARN worker-1 slow query (5.2 s)\n2024-03-12 10:11:25 INFO worker-2 job 1882 done in 13 s\n2024-03-12 10:11:26 ERROR worker-3 connection refused\n"),
    ("a long list", "\n".join(f"- {word}" for word in ["ash", "beech", "birch", "cedar", "elm", "fir", "hazel", "larch", "lime", "maple", "oak", "pine", "poplar", "rowan", "spruce", "sycamore", "willow", "yew"])),
    ("Latin", "Gallia est omnis divisa in partes tres, quarum unam incolunt Belgae, aliam Aquitani, tertiam qui ipsorum lingua Celtae, nostra Galli appellantur. Hi omnes lingua, institutis, legibus inter se differunt."),
    ("German compounds", "Das Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz und die Grundstücksverkehrsgenehmigungszuständigkeitsübertragungsverordnung sind Beispiele für lange Wörter; die Donaudampfschifffahrtsgesellschaft ist ein anderes."),
    ("multiplication table", "Learn the seven times table by heart:\n" + "\n".join(f"{n} × 7 = {n * 7}" for n in range(1, 13))),
)  # fmt: skip
