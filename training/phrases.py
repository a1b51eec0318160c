"""Simple French sentences with their translations, made by rule.

"le chat noir dort sur le lit", "the black cat sleeps on the bed".

The sentence pairs of the corpus are what people say to each other; they hold few of the plain sentences that readers
type to see how words line up. These teach those: articles, adjectives that change sides, tenses, negation, places.
"""

from __future__ import annotations

# French, gender, English, English plural; French plurals add s where none is given after a slash
PEOPLE = """
homme m man men|femme f woman women|garçon m boy boys|fille f girl girls|enfant m child children|ami m friend friends
médecin m doctor doctors|roi m king kings|reine f queen queens|frère m brother brothers|sœur f sister sisters
père m father fathers|mère f mother mothers|voisin m neighbor neighbors|professeur m teacher teachers
étudiant m student students|soldat m soldier soldiers|fermier m farmer farmers|bébé m baby babies
"""
ANIMALS = """
chat m cat cats|chien m dog dogs|cheval/chevaux m horse horses|oiseau/oiseaux m bird birds|souris/souris f mouse mice
vache f cow cows|poisson m fish fish|lion m lion lions|loup m wolf wolves|lapin m rabbit rabbits|canard m duck ducks
renard m fox foxes|ours/ours m bear bears|mouton m sheep sheep|singe m monkey monkeys
"""
THINGS = """
livre m book books|pomme f apple apples|pain m bread -|eau f water -|lait m milk -|lettre f letter letters
voiture f car cars|maison f house houses|chapeau/chapeaux m hat hats|clé f key keys|fleur f flower flowers
gâteau/gâteaux m cake cakes|ballon m ball balls|arbre m tree trees|robe f dress dresses|montre f watch watches
fromage m cheese -|viande f meat -|vin m wine -|image f picture pictures|stylo m pen pens|verre m glass glasses
"""
PLACES = """
lit m bed|table f table|chaise f chair|tapis m mat|maison f house|jardin m garden|forêt f forest|rue f street
rivière f river|école f school|ville f city|chambre f room|cuisine f kitchen|montagne f mountain|toit m roof
porte f door|arbre m tree|banc m bench|mur m wall|pont m bridge|église f church|mer f sea
"""
PREPOSITIONS = "sur on|dans in|sous under|devant in_front_of|derrière behind|près_de near"
# masculine, feminine, English; with + those that stand before the noun
COLOURS = "noir noire black|blanc blanche white|rouge rouge red|bleu bleue blue|vert verte green"  # not of people
ADJECTIVES = """
fatigué fatiguée tired
content contente happy|triste triste sad|riche riche rich|pauvre pauvre poor|froid froide cold|chaud chaude hot
malade malade sick|rapide rapide fast|intelligent intelligente smart|+petit petite small|+grand grande big
+vieux vieille old|+jeune jeune young|+joli jolie pretty|+mauvais mauvaise bad|+bon bonne good|+nouveau nouvelle new
"""
# French: present singular, plural, imperfect singular, participle (with être: é); English: base, s, past, ing
ALONE = """
dort dorment dormait dormi sleep sleeps slept sleeping|court courent courait couru run runs ran running
chante chantent chantait chanté sing sings sang singing|marche marchent marchait marché walk walks walked walking
travaille travaillent travaillait travaillé work works worked working|rit rient riait ri laugh laughs laughed laughing
pleure pleurent pleurait pleuré cry cries cried crying|joue jouent jouait joué play plays played playing
nage nagent nageait nagé swim swims swam swimming|attend attendent attendait attendu wait waits waited waiting
saute sautent sautait sauté jump jumps jumped jumping|mange mangent mangeait mangé eat eats ate eating
parle parlent parlait parlé speak speaks spoke speaking|danse dansent dansait dansé dance dances danced dancing
"""
ON_SOMETHING = """
mange mangent mangeait mangé eat eats ate eating|voit voient voyait vu see sees saw seeing
aime aiment aimait aimé like likes liked liking
cherche cherchent cherchait cherché look_for looks_for looked_for looking_for
achète achètent achetait acheté buy buys bought buying|vend vendent vendait vendu sell sells sold selling
veut veulent voulait voulu want wants wanted wanting|prend prennent prenait pris take takes took taking
regarde regardent regardait regardé look_at looks_at looked_at looking_at|a ont avait eu have has had having
trouve trouvent trouvait trouvé find finds found finding
"""
PERSONS = "il he s|elle she s|ils they p|elles they p"


def _table(text, *names):
    return [dict(zip(names, row.split(), strict=True)) for line in text.split("\n") for row in line.split("|") if row]


NOUN = ("fr", "gender", "en", "many")
PEOPLE, ANIMALS, THINGS = (_table(one, *NOUN) for one in (PEOPLE, ANIMALS, THINGS))
PLACES, PREPOSITIONS = _table(PLACES, "fr", "gender", "en"), _table(PREPOSITIONS, "fr", "en")
COLOURS, ADJECTIVES = (_table(one, "m", "f", "en") for one in (COLOURS, ADJECTIVES))
VERB = ("fr", "fr_many", "fr_was", "fr_done", "en", "en_s", "en_past", "en_ing")
ALONE, ON_SOMETHING, PERSONS = _table(ALONE, *VERB), _table(ON_SOMETHING, *VERB), _table(PERSONS, "fr", "en", "number")
# masculine, feminine, before a vowel, plural, English singular, plural
DETERMINERS = (
    [("le", "la", "l'", "les", "the", "the")] * 5
    + [("un", "une", "", "des", "a", "some"), ("mon", "ma", "mon", "mes", "my", "my")]
    + [("leur", "leur", "leur", "leurs", "their", "their"), ("ce", "cette", "", "ces", "this", "these")]
    + [("notre", "notre", "notre", "nos", "our", "our"), ("ton", "ta", "ton", "tes", "your", "your")]
)
VOWELS = tuple("aeiouyéèêâîôœh")


def _join(determiner, word):
    return determiner + word if determiner.endswith("'") else f"{determiner} {word}"


def _agreed(adjective, is_female, plural):
    form = adjective["f" if is_female else "m"].lstrip("+")
    if not plural:
        return form
    return "nouveaux" if form == "nouveau" else _plural(form)


def _plural(word):
    return word if word.endswith(("s", "x")) else word + "s"


class Phrases:
    """Draws sentences; `random` is a numpy Generator."""

    def __init__(self, random):
        self.random = random

    def one(self, rows):
        return rows[self.random.integers(len(rows))]

    def chance(self, part):
        return self.random.random() < part

    def adjective(self, noun):
        return self.one(ADJECTIVES if noun in PEOPLE else ADJECTIVES + 2 * COLOURS)

    def noun(self, rows, plural=False, described=0.35, definite=False):
        """Return a noun with its article and perhaps an adjective: (French, English)."""
        noun = self.one(rows)
        adjective = self.adjective(noun)
        uncounted = noun["many"] == "-"
        plural = plural and not uncounted
        male, female, vowel, many, english, english_many = self.one(DETERMINERS)
        if definite or (uncounted and english == "a"):
            male, female, vowel, many, english, english_many = DETERMINERS[0]
        is_female = noun["gender"] == "f"
        fr, *irregular = noun["fr"].split("/")
        describing = self.chance(described)
        before = describing and adjective["m"].startswith("+")
        form = _agreed(adjective, is_female, plural)
        if plural:
            fr = irregular[0] if irregular else _plural(fr)
            article = "de" if before and many == "des" else many
        else:
            if before and fr.startswith(VOWELS):
                form = {"vieux": "vieil", "nouveau": "nouvel"}.get(form, form)
            article = female if is_female else male
            if (form if before else fr).startswith(VOWELS):
                article = {"ce": "cet"}.get(article, vowel or article)
        words = f"{form} {fr}" if before else f"{fr} {form}" if describing else fr
        en = noun["many"] if plural else noun["en"]
        en = f"{adjective['en']} {en}" if describing else en
        chosen = english_many if plural else english
        if chosen == "a" and en[0] in "aeiou":
            chosen = "an"
        return _join(article, words), f"{chosen} {en}"

    def place(self):
        preposition, place = self.one(PREPOSITIONS), self.one(PLACES)
        is_vowel, female = place["fr"].startswith(VOWELS), place["gender"] == "f"
        if preposition["fr"] == "près_de":
            before = "près de l'" if is_vowel else "près de la" if female else "près du"
        else:
            before = preposition["fr"] + (" l'" if is_vowel else " la" if female else " le")
        return _join(before, place["fr"]), f"{preposition['en'].replace('_', ' ')} the {place['en']}"

    def verb(self, verb, plural):
        """Return a verb in one of three tenses, perhaps negated: (French, English)."""
        kind = self.random.choice(["present", "past", "was", "not", "not past"], p=[0.5, 0.18, 0.12, 0.12, 0.08])
        now, base = verb["fr_many" if plural else "fr"], verb["en"]
        have = "ont" if plural else "a"
        ne = "n'" if now.startswith(VOWELS) else "ne "
        was = verb["fr_was"][:-3] + "aient" if plural else verb["fr_was"]
        lasts = verb in ALONE or base in ("eat", "look_at", "look_for")
        french, english = {
            "present": (now, base if plural else verb["en_s"]),
            "past": (f"{have} {verb['fr_done']}", verb["en_past"]),
            "was": (was, f"{'were' if plural else 'was'} {verb['en_ing']}" if lasts else verb["en_past"]),
            "not": (f"{ne}{now} pas", f"{'don' if plural else 'doesn'}'t {base}"),
            "not past": (f"n'{have} pas {verb['fr_done']}", f"didn't {base}"),
        }[str(kind)]
        return french, english.replace("_", " ")

    def sentence(self):
        """Return (French, English)."""
        plural = self.chance(0.25)
        who = self.one((PEOPLE, ANIMALS))
        if self.chance(0.2):
            person = self.one(PERSONS)
            plural = person["number"] == "p"
            subject = person["fr"], person["en"]
        else:
            subject = self.noun(who, plural)
        kind = self.random.random()
        if kind < 0.2:  # the house is small
            rows = self.one((PEOPLE, ANIMALS, THINGS))
            noun = self.one(rows)
            adjective = self.adjective(noun)
            subject = self.noun([noun], plural, described=0.15)
            plural = plural and noun["many"] != "-"
            form = _agreed(adjective, noun["gender"] == "f", plural)
            negated = self.chance(0.15)
            be, is_ = ("sont", "are") if plural else ("est", "is")
            if negated:
                be, is_ = ("ne sont pas", "aren't") if plural else ("n'est pas", "isn't")
            parts = [subject, (be, is_), (form, adjective["en"])]
        elif kind < 0.6:
            parts = [subject, self.verb(self.one(ALONE), plural)]
            if self.chance(0.6):
                parts.append(self.place())
        else:
            verb = self.verb(self.one(ON_SOMETHING), plural)
            denied = " pas" in verb[0]  # "n'a pas de chien" would be another lesson
            thing = self.noun(self.one((THINGS, THINGS, ANIMALS)), self.chance(0.2), definite=denied)
            parts = [subject, verb, thing]
        end = "." if self.chance(0.6) else ""
        return tuple(" ".join(side) + end for side in zip(*parts, strict=True))


def phrases(count, random):
    """Return `count` different pairs (French, English)."""
    maker, found = Phrases(random), {}
    while len(found) < count:
        french, english = maker.sentence()
        found.setdefault(french, english)
    return list(found.items())
