"""What a text is about: the nearest of some short texts that each topic is described by.

Classifiers of educational value favour science and technology; with topics, thresholds can differ so that arts, history, travel
and culture stay alive. A topic is a way to look at a pile, not a judgement: nothing is left out for it.

The texts are English and are encoded with whichever model the project uses; with the bundled one, which reads English best, the
topics of other languages are a guess. What is unlike all of them is "other".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Below this cosine to every text a document is "other".
LEAST_COSINE = 0.10
OTHER = "other"


@dataclass(frozen=True, slots=True)
class Topic:
    key: str
    name: str
    #: What it is nearest to is what a text is about: no names of web sites, no words of one country.
    prototypes: tuple[str, ...]


TOPICS: tuple[Topic, ...] = (
    Topic("mathematics", "Mathematics", (
        "A proof of a theorem in number theory: let n be an integer and suppose that p is a prime that divides it.",
        "How to solve equations and compute derivatives, integrals, probabilities and statistics step by step.",
        "Geometry and algebra: triangles, angles, vectors, matrices and functions.",
        "Definition, lemma and corollary: a set, a group, a limit, continuity and convergence.",
        "Exercises with solutions: fractions, percentages, the area of a circle and the mean of a sample.",
    )),
    Topic("science", "Science", (
        "Physics and chemistry: energy, forces, atoms, molecules, reactions and how experiments measure them.",
        "Biology: cells, genes, proteins, evolution, plants and animals in their habitats.",
        "Astronomy and earth science: stars, planets, rocks, oceans, the atmosphere and the climate.",
        "A scientific study reports its methods, its results and what they mean for the hypothesis.",
        "An ecosystem and the behaviour of birds, insects, fish and fungi.",
        "A laboratory measured temperature, pressure and concentration with an instrument.",
    )),
    Topic("technology", "Technology and computing", (
        "Programming: functions, classes, an API, source code with its documentation and examples.",
        "Software, operating systems, databases, servers, networks and how to configure them.",
        "Engineering of machines, electronics, batteries, engines and robots.",
        "New gadgets, smartphones, apps and artificial intelligence.",
        "How to install a package and run a command in the terminal; error messages and how to fix them.",
        "A class, a function and its arguments, a list, an iterator, a loop and what the code returns.",
        "Algorithms and data structures: sorting, searching, hashing, memory and running time.",
        "Reference of a method: its parameters, the type of its return value, exceptions and a code sample.",
        "Restart the service, edit the configuration file, open a port and read the log.",
        "Cloud computing, cybersecurity, data pipelines and machine learning models in production.",
    )),
    Topic("medicine", "Medicine and health", (
        "Symptoms, diagnosis and treatment of a disease; patients, doctors, drugs and clinical trials.",
        "Health advice on nutrition, exercise, sleep, mental health and pregnancy.",
        "Supplements, weight loss, diets, skin care and what doctors say about them.",
    )),
    Topic("history", "History", (
        "The history of an empire, its kings, wars, revolutions and treaties in past centuries.",
        "Archaeologists found remains of an ancient civilisation, its tombs and its trade.",
        "How people lived in the Middle Ages or during the world wars, told from documents of the time.",
        "A timeline of events: the year in which it was founded, conquered, abolished or rebuilt.",
        "The life of a historical person, who was born, ruled, travelled and died.",
    )),
    Topic("arts", "Arts and literature", (
        "A painting, a sculptor, a museum exhibition; style, composition and colour in the history of art.",
        "A novel, its author, its characters and its language; poetry and literary criticism.",
        "Classical music, a symphony and its composer; architecture, theatre, dance and photography as art.",
        "Brush, canvas, oil, watercolour and light: how a picture is painted.",
        "Best books to read: fiction, essays, poems and what reviewers say of the writing.",
        "Pottery, design, typography and crafts as an art.",
    )),
    Topic("culture", "Culture, language and ideas", (
        "Customs, festivals, folklore and traditions of peoples; anthropology and identity.",
        "Religion and philosophy: faith, scripture, ethics, meaning and what thinkers argued.",
        "A language, its grammar, its words and where they come from.",
        "A holiday celebrated by families with prayers, sweets, gifts and songs.",
        "Wisdom, virtue, the soul, freedom and how one should live.",
        "Learning a foreign language: vocabulary, verbs, pronunciation and translation.",
    )),
    Topic("travel", "Travel and places", (
        "A journey to a city or an island: what to see, where to stay, how to get there.",
        "Hotels, beaches, hiking trails, national parks, guided tours and travel tips.",
        "Flights, trains, ferries, luggage and cheap fares.",
        "The neighbourhoods, markets, viewpoints and restaurants of a city.",
    )),
    Topic("entertainment", "Entertainment and games", (
        "A film or television series, its actors, its plot and a review of it.",
        "Pop music, an album, a concert, celebrities and gossip.",
        "Video games, comics and role-playing: characters, levels and how to play.",
        "Board games, card games, puzzles and toys for a family evening.",
        "Streaming, anime, podcasts and what to watch next.",
    )),
    Topic("society", "Law, politics and society", (
        "Government, elections, parliament, parties and a debate about policy.",
        "A court decided a case under the law; rights, contracts, crime and the police.",
        "News about a protest, a war, migration, inequality and human rights.",
        "Schools, teachers, students, universities and education.",
        "Social work, welfare, charities, housing and public services of a town.",
        "Applying to college: essays, degrees, certificates and scholarships.",
    )),
    Topic("business", "Business and money", (
        "Companies, markets, shares, investors, banks, inflation and the economy.",
        "Marketing, customers, management, hiring and how to start a business.",
        "Personal finance: taxes, loans, insurance, savings and pensions.",
        "Accounting, invoices, payroll, contracts and software for small firms.",
        "Careers: jobs, salaries, interviews, training and leadership.",
        "Property, mortgages, rents and investment for beginners.",
    )),
    Topic("home", "Cooking and everyday life", (
        "A recipe with its ingredients and how to cook or bake it.",
        "House and garden: cleaning, furniture, tools, growing plants, repairs to do yourself.",
        "Family, children, relationships, pets, fashion and beauty.",
        "Food and drink: bread, coffee, vegetables, meat and how to prepare them.",
        "Houseplants, lawn, vegetables and flowers through the seasons.",
        "Renovating a house: walls, floors, plumbing, paint and tools.",
        "Dogs, cats and how to train and feed them.",
    )),
    Topic("sports", "Sports", (
        "A match, the score, the players, the coach and the league table.",
        "Athletes, training, races, records, championships and the Olympic games.",
        "Football, basketball, tennis, cricket and the season's fixtures.",
        "Running, cycling, swimming and lifting: technique and training plans.",
    )),
    Topic("shop", "Shops and services", (
        "Buy this product now: price, size, colour, in stock, add to cart, free shipping and returns.",
        "Our company offers professional services; contact us for a quote, read our customers' reviews.",
        "A collection of products with prices, colours and sizes: shoes, watches, bags, furniture, headphones, jewellery.",
        "Sale: was, now, save, bestseller, new arrivals, filter by brand, sort by price.",
        "The best products compared: our picks, pros and cons, price and where to buy.",
        "Family firm for decades: fitting, repairs and installation; call our friendly team today for a free quote.",
    )),
    Topic("notices", "Menus and notices", (
        "Cookie consent, privacy policy, terms of use, sign in, subscribe to the newsletter.",
        "Home, about us, contact, site map, search results, page not found.",
        "Log in, register, forgot your password, back to top, share this page.",
        "All rights reserved. Legal notice, imprint, accessibility statement and disclaimer.",
    )),
)  # fmt: skip

KEYS: tuple[str, ...] = (*(topic.key for topic in TOPICS), OTHER)
NAMES: dict[str, str] = {topic.key: topic.name for topic in TOPICS} | {OTHER: "Other"}


def prototypes(encode: Callable[[Sequence[str]], NDArray[np.floating[Any]]]) -> NDArray[np.float32]:
    """The vectors (texts, dimensions) of all prototypes under a model, in the order of the table; make them once per model."""
    import numpy as np

    return encode([text for topic in TOPICS for text in topic.prototypes]).astype(np.float32)


def assign(vectors: NDArray[np.floating[Any]], near: NDArray[np.floating[Any]]) -> list[str]:
    """The key of each vector's topic. `near` are the `prototypes` under the model that made the vectors."""
    import numpy as np

    owners = [topic.key for topic in TOPICS for _ in topic.prototypes]
    if not len(vectors):
        return []
    cosines = np.asarray(vectors, dtype=np.float32) @ np.asarray(near, dtype=np.float32).T
    best = cosines.argmax(axis=1)
    return [owners[at] if row[at] >= LEAST_COSINE else OTHER for at, row in zip(best, cosines, strict=True)]
