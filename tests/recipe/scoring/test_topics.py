import numpy as np
import pytest

from curation.recipe.scoring import topics
from curation.recipe.text import encode

#: Our own texts, by what a curator would say they are about.
TEXTS = [
    ("mathematics", "Every even number greater than two that has been tried is a sum of two primes, but nobody has shown that it must be so."),
    ("mathematics", "To integrate by parts, choose u so that its derivative is simpler, and keep the constant of integration."),
    ("mathematics", "Wenn zwei Winkel eines Dreiecks gleich sind, so sind auch die gegenüberliegenden Seiten gleich."),
    ("science", "Chloroplasts catch light with chlorophyll and store its energy in sugar; oxygen is what is left of the water."),
    ("science", "When a massive star runs out of fuel its core collapses, and for a few weeks it outshines its galaxy."),
    ("science", "A catalyst lowers the energy that the molecules need to react, and is not used up itself."),
    ("technology", "The function returns None when the key is missing, so test for it before you call a method on the result."),
    ("technology", "Restart the daemon after changing the port in its configuration file, then look at the log."),
    ("technology", "The new phone has a brighter screen and a bigger battery, but its charger is sold separately."),
    ("medicine", "Patients who took the drug for twelve weeks had fewer migraines than those on placebo; nausea was the commonest side effect."),
    ("medicine", "Drink enough, rest, and see a doctor if the fever lasts for more than three days."),
    ("history", "In 1683 the relief army came down from the hills and the siege of the city was broken in an afternoon."),
    ("history", "Clay tablets from the palace list rations of barley for weavers, four thousand years ago."),
    ("history", "After the revolution the new assembly abolished the titles of the nobility and took the lands of the church."),
    ("arts", "He laid the colour on thickly, with a knife, so that the canvas catches the light like water."),
    ("arts", "The narrator of the novel lies to us from the first page, and the author lets us notice it only slowly."),
    ("arts", "The second movement turns the theme of the sonata into a slow dance for strings in a minor key."),
    ("culture", "At the end of the fast families visit each other with sweets, and the oldest give coins to the children."),
    ("culture", "For the Stoics what others do to us is indifferent; only our own judgement of it can harm us."),
    ("culture", "In this language the verb comes last, and particles tell which word is the subject and which the object."),
    ("travel", "Take the night ferry to the island, rent a bicycle at the harbour and swim at the beach behind the lighthouse."),
    ("travel", "Our hotel was two streets from the old town, breakfast was good, and buses to the airport left every hour."),
    ("entertainment", "The sequel has better stunts than the first film, but its villain is forgotten before the credits roll."),
    ("entertainment", "Collect three crystals to open the gate of the next level, and save before you fight the boss."),
    ("entertainment", "The band announced a new album and a tour of stadiums, with tickets on sale from Friday."),
    ("society", "The court held that the search was unlawful because the officers had no warrant."),
    ("society", "The coalition lost its majority when two ministers resigned over the vote on the budget."),
    ("society", "Pupils in smaller classes did better in reading, but only where their teachers had been trained for it."),
    ("business", "Net profit fell by four per cent because the company had borrowed when rates were low and must now pay more."),
    ("business", "Put a little aside every month, and pay off the loan with the highest interest first."),
    ("home", "Fry the onions until they are golden, add the lentils and the stock, and simmer for half an hour."),
    ("home", "Cut the roses back in spring, just above a bud that faces outwards."),
    ("home", "To get a wine stain out of a carpet, dab it with cold water and salt, and never rub."),
    ("sports", "She scored twice in the second half, and the goalkeeper saved a penalty in the last minute."),
    ("sports", "He won the marathon in the Olympic final after running alone for the last ten kilometres."),
    ("shop", "Ladies' waterproof jacket, navy, sizes 8 to 18. Was £89, now £49. Add to basket. Free returns within 30 days."),
    ("shop", "We have fitted kitchens in this county for over thirty years. Call our friendly team for a free quote."),
    ("notices", "We use cookies to improve your experience. Accept all. Manage preferences. Read our privacy policy."),
    ("notices", "Home. About us. Contact. Log in. Register. Forgot your password? Back to top."),
]  # fmt: skip


@pytest.fixture(scope="module")
def assigned():
    encoder = encode.load()
    near = topics.prototypes(encoder.encode)
    return lambda texts: topics.assign(encoder.encode(texts), near)


def test_texts_are_given_the_topic_that_a_curator_would_give_them(assigned):
    found = assigned([text for _, text in TEXTS])
    wrong = [(wanted, got, text) for (wanted, text), got in zip(TEXTS, found, strict=True) if wanted != got]
    assert len(wrong) <= 4, wrong


def test_every_topic_has_texts_here_and_prototypes_of_its_own():
    assert {key for key, _ in TEXTS} == {topic.key for topic in topics.TOPICS}
    texts = [text for topic in topics.TOPICS for text in topic.prototypes]
    assert len(texts) == len(set(texts))
    assert all(len(key) <= 30 for key in topics.KEYS)
    assert list(topics.NAMES) == list(topics.KEYS)


def test_what_is_like_nothing_is_other():
    near = np.eye(sum(len(topic.prototypes) for topic in topics.TOPICS), dtype=np.float32)
    assert topics.assign(np.zeros_like(near[:1]), near) == [topics.OTHER]
    assert topics.assign(-near[:1], near) == [topics.OTHER]


def test_half_precision_and_no_documents_at_all_are_fine():
    near = np.eye(sum(len(topic.prototypes) for topic in topics.TOPICS), dtype=np.float32)
    assert topics.assign(near.astype(np.float16)[:1], near) == [topics.TOPICS[0].key]
    assert topics.assign(near[:0], near) == []
