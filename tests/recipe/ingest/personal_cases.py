"""Texts with personal data and secrets, and texts that only look as if they had any. Everything here is made up.

Keys are put together from pieces, so that no scanner of repositories takes them for somebody's.
"""

from __future__ import annotations

import base64
import random
import string

_drawn = random.Random(11)


def _any(length: int, signs: str = string.ascii_letters + string.digits) -> str:
    return "".join(_drawn.choice(signs) for _ in range(length))


def _token(head: str) -> str:
    body = base64.urlsafe_b64encode(b'{"sub":"7731","name":"Ada"}').decode().rstrip("=")
    return f"{base64.urlsafe_b64encode(head.encode()).decode().rstrip('=')}.{body}.{_any(43)}"


def _card(start: str, groups: str) -> str:
    """A number with this beginning whose last digit makes it pass Luhn's check, written in groups."""
    digits = start + _any(sum(map(int, groups)) - len(start) - 1, string.digits)
    doubled = [int(digit) * (2 - at % 2) for at, digit in enumerate(reversed(digits))]
    digits += str(-sum(value - 9 if value > 9 else value for value in doubled) % 10)
    pieces, at = [], 0
    for length in map(int, groups):
        pieces.append(digits[at : at + length])
        at += length
    return " ".join(pieces)


_HEX = "0123456789abcdef"
_UPPER = string.ascii_uppercase + "234567"
_KEY_BODY = "\n".join(_any(64) for _ in range(4))

#: (kind of `cleaning.find.KINDS`, a text that has exactly one of it)
POSITIVES: tuple[tuple[str, str], ...] = (
    ("email", "Write to jane.doe@uni-town.edu for the data."),
    ("email", "Contact: Hans Gruber <hans@gruber-werke.de>, head of sales"),
    ("email", "[mail us](mailto:press@northlight.io)"),
    ("email", "E-Mail:info+spring@kleine-molkerei.at"),
    ("email", "Escribe a maría.pérez@correo.es o llama por la tarde."),
    ("email", "联系我们:zhang_wei@qinghe.com.cn。"),
    ("email", '{"user": "t.okafor@lagosbooks.ng"}'),
    ("email", "author_email='kim@forge.dev',"),
    ("email", "Corresponding author: m.rossi@dipmat.univ-x.it (M. Rossi)"),
    ("email", "From: Bob O'Neil <bob.oneil@post.ie>"),
    ("email", "| Ada | ada@lovelace-lab.org | London |"),
    ("email", "Пишите на ivanov@vestnik.ru!"),
    ("email_in_words", "jane [at] uni-town [dot] edu"),
    ("email_in_words", "reach me: k.lee (at) forge (dot) dev"),
    ("email_in_words", "support{at}northlight.io"),
    ("phone", "Call +49 30 90182034 before noon."),
    ("phone", "Tel.: 030 / 901 82 034"),
    ("phone", "Phone: (212) 736-5000"),
    ("phone", "Our office: (415) 362-8800, second floor"),
    ("phone", "Reach us at 617-253-1000 any time."),
    ("phone", "Mobile: 07911 846213"),
    ("phone", "Tél. 01 42 68 53 00"),
    ("phone", "Teléfono: 915 489 200"),
    ("phone", "WhatsApp +55 (11) 98765-4421"),
    ("phone", "☎ 044 632 11 11"),
    ("phone", "电话:010-6275 1230"),
    ("phone", "電話 03-5253-4111"),
    ("phone", "Fax +1-650-253-0000"),
    ("phone", "+44 (0)20 7219 3000"),
    ("phone", "| Name | Phone |\n|---|---|\n| Ada | 617-253-1000 |"),
    ("phone", "Телефон: +7 495 606-36-02"),
    ("phone", "text 312.744.5000 for an appointment"),
    ("phone", "Handy 0171 2345678"),
    ("iban", "IBAN: DE89 3704 0044 0532 0130 00"),
    ("iban", "Pay to GB29NWBK60161331926819 by Friday."),
    ("iban", "FR14 2004 1010 0505 0001 3M02 606"),
    ("iban", "CH93 0076 2011 6238 5295 7, Zürich"),
    ("iban", "conto IT60X0542811101000000123456"),
    ("iban", "NL91 ABNA 0417 1643 00"),
    ("iban", "AT61 1904 3002 3457 3201"),
    ("iban", "ES91 2100 0418 4502 0005 1332"),
    ("card", "Card: 4539 5787 6362 1486"),
    ("card", "paid with 5425-2334-3010-9903 yesterday"),
    ("card", "Visa 4916338506082832, exp. 04/29"),
    ("card", "amex " + _card("3714", "465")),
    ("card", "credit card number " + _card("6011", "4444").replace(" ", "")),
    ("card", "Kreditkarte " + _card("55", "4444")),
    ("card", "my debit card 2720 9926 1432 5671 was stolen"),
    ("national_id", "SSN: 512-48-7731"),
    ("national_id", "social security number is 301 44 9982"),
    ("ip_address", "Failed password for root from 91.203.145.12 port 22 ssh2"),
    ("ip_address", "The server at 185.220.101.47 answered."),
    ("ip_address", "ip: 23.94.5.133"),
    ("ip_address", '84.17.55.201 - - [12/Mar/2024:10:11:12 +0000] "GET / HTTP/1.1" 200'),
    ("ip_address", "ssh admin@host -p 22  # 51.15.42.9"),
    ("ip_address", "client 77.88.55.242:51234 disconnected"),
    ("ip_address_six", "inet6 2a02:8109:9c40:1f4:7d2:ab31:90ff:fe12"),
    ("ip_address_six", "from 2607:f8b0:4005:805::200e port 443"),
    ("private_key", f"-----BEGIN RSA PRIVATE KEY-----\n{_KEY_BODY}\n-----END RSA PRIVATE KEY-----"),
    ("private_key", f"key:\n-----BEGIN PRIVATE KEY-----\n{_KEY_BODY}\n-----END PRIVATE KEY-----\n"),
    ("private_key", f"-----BEGIN OPENSSH PRIVATE KEY-----\n{_KEY_BODY}\n-----END OPENSSH PRIVATE KEY-----"),
    ("password_in_address", "postgres://ledger:tr0ub4dor@db.acme.io:5432/main"),
    ("password_in_address", "git clone https://deploy:h7Gq29xLw@git.acme.io/app.git"),
    ("password_in_address", "redis://:p9w2kk1z@10.0.0.4:6379/0"),
    ("token", "Authorization: Bearer " + _token('{"alg":"HS256","typ":"JWT"}')),
    ("token", "jwt = '" + _token('{"typ":"JWT","alg":"RS256"}') + "'"),
    ("api_key", "aws_access_key_id = AKIA" + "".join(_drawn.choice(_UPPER) for _ in range(14)) + "27"),
    ("api_key", "ASIA" + "".join(_drawn.choice(_UPPER) for _ in range(14)) + "63 expires soon"),
    ("api_key", "GITHUB_TOKEN=ghp_" + _any(36)),
    ("api_key", "github_pat_" + _any(22) + "_" + _any(59)),
    ("api_key", "glpat-" + _any(20)),
    ("api_key", "xoxb-" + _any(12, string.digits) + "-" + _any(12, string.digits) + "-" + _any(24)),
    ("api_key", "https://hooks.slack.com/services/T" + _any(8, _UPPER) + "/B" + _any(8, _UPPER) + "/" + _any(24)),
    ("api_key", "const maps = 'AIza" + _any(35) + "';"),
    ("api_key", "OPENAI_API_KEY=sk-proj-" + _any(48)),
    ("api_key", "openai.api_key = 'sk-" + _any(48) + "'"),
    ("api_key", "sk-ant-api03-" + _any(80)),
    ("api_key", "login with hf_" + _any(34)),
    ("api_key", "stripe.api_key = 'sk_live_" + _any(24) + "'"),
    ("api_key", "SG." + _any(22) + "." + _any(43)),
    ("api_key", "//registry.npmjs.org/:_authToken=npm_" + _any(36)),
    ("api_key", "bot token 7" + _any(8, string.digits) + ":AA" + _any(33)),
    ("secret", "aws_secret_access_key = " + _any(38) + "/9"),
    ("secret", 'api_key: "' + _any(32, _HEX) + '"'),
    ("secret", "DB_PASSWORD='vK8#qLz2!mRw'"),
    ("secret", "client_secret=" + _any(30) + "7"),
    ("secret", "password is Tr0ub4dor&3x"),
    ("secret", "auth_token = '" + _any(31) + "4'"),
    ("secret", "Authorization: Bearer " + _any(38) + "5q"),
    # Written when the rules were there: at first sight 33 of these 36 were found.
    ("email","You can reach Dr. Yilmaz under yilmaz_f@tip.ege-univ.tr."),("email","(e-mail: p.novak@ustav.cz; www.ustav.cz)"),("email","Send CVs to JOBS@BRIGHTWATER.COM"),("email","<a href='mailto:hello@studio-k.design'>"),("email","cc: 'Lena Berg' lena.berg@stad.goteborg.se"),("email","user=adam99@wp.pl&x=1"),
("phone","Bitte rufen Sie uns an: Telefon 089 / 2180-0"),("phone","Ring 0161 496 8273 for a quote"),("phone","contact no. +91-98201 44556"),("phone","You may also phone 1-800-275-2273"),("phone","(Tel: +33 1 44 27 45 62)"),("phone","Mobil: +46 70 174 06 05"),("phone","cell: 917.555.2368"),("phone","Customer service (888) 234-7170"),("phone","Tel/Fax: 02-2312-3456"),("phone","Ruf: 0043 1 58801 0"),
("iban","Kontonummer (IBAN): SE45 5000 0000 0583 9825 7466"),("iban","BE68 5390 0754 7034"),("iban","PL61109010140000071219812874"),
("card","my mastercard is 5399 8383 8383 8381"),("ip_address","Connection from 203.98.175.4 closed"),("ip_address","host 62.210.18.40 is down"),("ip_address","X-Forwarded-For: 41.190.3.7"),("ip_address_six","2001:4860:4802:32::15"),
("api_key","token: gho_"+_any(36)),("api_key","OPENAI='sk-svcacct-"+_any(40)+"'"),("api_key","rk_live_"+_any(30)),("api_key","xoxp-"+_any(11,string.digits)+"-"+_any(11,string.digits)+"-"+_any(12,string.digits)+"-"+_any(32,_HEX)),("api_key","GOCSPX-"+_any(28)),
("secret","SECRET_KEY = 'django-insecure-"+_any(50)+"'"),("secret","export API_TOKEN="+_any(40)),("secret","\"password\": \"Winter2023!\""),("secret","apikey="+_any(32)),("password_in_address","mongodb+srv://svc:Zx81kkQ@cluster0.mongodb.net/db"),("password_in_address","amqp://guest2:s3cr3tpw@rabbit:5672/"),("private_key","-----BEGIN EC PRIVATE KEY-----\n"+"\n".join(_any(64) for _ in range(3))+"\n-----END EC PRIVATE KEY-----"),
)  # fmt: skip

#: Texts in which nothing may be found.
NEGATIVES: tuple[str, ...] = (
    # versions, sections, dates
    "Upgrade to version 10.0.19041.1 first.", "Chrome/120.0.6099.129 Safari/537.36", "numpy 1.26.4 and torch 2.13.0+cpu", "v4.15.2.1 was released on 2024-03-18.",
    "## 3.1.4.2 The Cauchy criterion", "See section 12.4.3.1 and theorem 2.2.1.5.", "1.2.3.4 is how we number clauses here", "From 2019-05-06 to 2020-11-30.",
    "2024-01-15 10:23:45.123456 INFO started", "Released 12.03.2024, revised 04.11.2024", "kernel 5.15.0-91-generic #101", "assembly version=4.0.30319.42000",
    # books, papers, standards
    "ISBN 978-3-16-148410-0", "ISBN-10: 0-306-40615-2", "ISSN 2049-3630", "doi:10.1038/s41586-020-2649-2", "https://doi.org/10.1145/3292500.3330701", "arXiv:2412.08905v1",
    "PMID: 31978945", "ORCID 0000-0002-1825-0097", "RFC 2606, ISO 8601-1:2019 and IEEE 802.11", "Phys. Rev. Lett. 116, 061102 (2016), pp. 1021-1034", "U.S. Patent 6,285,999",
    # hashes and ids
    "sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "commit 9fceb02d0ae598e95dc970b74767f19372d61af8", "md5 d41d8cd98f00b204e9800998ecf8427e",
    "id 550e8400-e29b-41d4-a716-446655440000", "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "etag: W/\"5f3c-177a1b2c3d4\"", "integrity sha512-oRpP1n8b0VqgGqOq0dSh2lQ2bSgZ3bqQkQwQ==",
    "MAC 00:1B:44:11:3A:B7", "order 4539578763621487 shipped", "EAN 4006381333931", "serial 49927398716", "1Z999AA10123456784 is the parcel",
    # mathematics and tables
    "pi = 3.14159265358979323846", "e^{2.718281828459045} - 1234567890", "The sum of 123 456 789 and 987 654 321 is 1 111 111 110.", "| 617 | 253 | 1000 |\n| 312 | 744 | 5000 |",
    "| 2019 | 415-362-8800 | 212-736-5000 |\n| 2020 | 617-253-1000 | 312-744-5000 |", "x = 0123456789 mod 97", "1 + 2 + 3 + 4 + 5 + 6 + 7 + 8 + 9 = 45", "$+ 12 345 678 901$",
    "a+1234567890 = b", "4 8 15 16 23 42 4 8 15 16 23 42", "0.30103 0.47712 0.60206 0.69897 0.77815", "Population: 1 366 417 754 in 2019", "1000000007 is prime; so is 2147483647.",
    "Figure 12-345-6789 shows the flow.", "$12,345,678 in 2021 and €9.876.543,21 in 2022", "scores: 101-99, 88-92, 110-108", "coordinates 52.5200 13.4050 and 48.8566 2.3522", "matrix [1 2 3; 4 5 6; 7 8 9]",
    "range 1024-65535, port 8080", "part no. 415-362-8800", "model 880-1234-5678", "16 digits: 1234 5678 9012 3456", "1111 2222 3333 4444 is a pattern", "4111 1111 1111 1111 is the test card", "4242 4242 4242 4242 in Stripe's docs",
    # code
    "@decorator\ndef run(self): ...", "import react from 'react@18.2.0'", "icon@2x.png and logo@3x.webp", "git clone git@github.com:torvalds/linux.git", "user@host:~$ ls", "ssh root@localhost",
    "array[i]@matrix.T", "$user@$domain", "email = f'{name}@{domain}'", "someone@example.com", "jane@example.org, john@mail.example", "a@b", "look at me dot com they said", "meet me at noon (at the station)",
    "password = os.environ['DB_PASSWORD']", "api_key = get_key_from_config()", "token = tokenizer.encode(text)", "PASSWORD=changeme", "password: string;", "secret_key = 'your-secret-key-here'",
    "api_key=YOUR_API_KEY_HERE_123", "token: ${GITHUB_TOKEN}", "Authorization: Bearer <token>", "aws_access_key_id = AKIAIOSFODNN7EXAMPLE", "aws_secret_access_key=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "postgres://user:password@localhost/db", "http://proxy.internal:8080/path@2", "https://medium.com/@writer/post-123", "sk-learn and sk-image are packages", "the hf_transformers_v2 folder", "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
    "-----BEGIN PUBLIC KEY-----\nMFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAK\n-----END PUBLIC KEY-----", "next_token = max_new_tokens_v2", "access_key: model_parameter_name_2", "token_type_ids = attention_mask_v3", "the password was strong",
    "key-value stores keep a key-1 and key-2", "eyJ is how base64 of {\" begins", "AIzaBella went to ASIA in 2020", "xox-like tokens", "IBAN DE89 3704 0044 0532 0130 01", "GB29 is no account", "US12 3456 7890 1234 5678",
    # network, fiction, others
    "127.0.0.1 localhost", "ping 192.168.178.1", "10.0.0.0/8 and 172.16.0.0/12 are private", "192.0.2.44 stands in examples", "nameserver 8.8.8.8", "netmask 255.255.255.0", "2001:db8::1 is for documentation", "fe80::1 on lo0",
    "at 10:15:30:45 the tape ends", "std::vector<int>::iterator", "call (212) 555-0142 in the film", "tel:1", "Call 911 or 112", "dial 0 for help", "room 101-202", "SSN format is AAA-GG-SSSS", "area 000-12-3456",
    "He lived from 1879 to 1955; she from 1867 to 1934.", "Romans 8:28, 1 Corinthians 13:4-8", "ratio 16:9:4:3", "1990s–2000s, 1914–1918, 1939–1945",
    # Written when the rules were there: at first sight 2 of these 48 were taken for a telephone number.
    "Call number QA76.73.P98 2019","call 3 times, then 12 times","He texted 555 at 10 30 15","phone models 3310, 5110, 6210 and 8210","Tel Aviv 1909-2009","Postal code 10115 Berlin, 75008 Paris","Lat. 40.7128, lon. -74.0060","UTC 2023-10-05T14:48:00.000Z","1,000,000,000 people","The first 12 Fibonacci numbers: 1 1 2 3 5 8 13 21 34 55 89 144","ISO/IEC 27001:2022","PyTorch 2.1.0.post100","10.1109/5.771073","GPT-4 0613 and gpt-3.5-turbo-1106","6.02214076e23","speed 299 792 458 m/s","Key: C major; token economy; the secret of success is work","password must be at least 8 characters","password: at least one digit","def check(token: str = None) -> bool:","secret: kubernetes.io/service-account-token","type: Opaque  # api_key: base64","<input type=\"password\" name=\"password_confirmation1\">","session_token = request.headers['X-Token2']","s = 'abc@def'","A@B.C","x@2x","@user mentioned @other.user","image@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08","docker pull nginx@1.25.3","foo@bar.py","https://user@host.org/path","npm i left-pad@1.3.0","4532 is the year; 1234 5678 9876 5432 is none","1.1.1.1 and 9.9.9.9 resolve","OID 1.3.6.1.4.1.311","Python 3.11.7.1 build 20","BLEU 27.3.1.2","MCMXCIV 12:34:56","+1 for this idea, +2 for that","+100 500 000 rubles is a meme","score +12 -34 +56 -78","The SSN field is 9 digits","token_2022 program id TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb","ghp_ is the prefix; AKIA too","BEGIN PRIVATE KEY is the header of PEM","eyJhbGciOi is what tokens begin with","Bearer of the ring 2001",
)  # fmt: skip
