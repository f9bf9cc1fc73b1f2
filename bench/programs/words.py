"""Dictionaries, sets and strings: word counts of a made-up text."""

SYLLABLES = "ka to mi ra ne so lu vi den tar mon ges pol".split()


def text(count):
    state = 12345
    for _ in range(count):
        word = ""
        for _ in range(3):
            state = (state * 1103515245 + 12345) & 0x7FFFFFFF
            word += SYLLABLES[(state >> 16) % len(SYLLABLES)]
        yield word


def main():
    counts = {}
    for word in text(90000):
        counts[word] = counts.get(word, 0) + 1
    common = sorted(counts, key=lambda word: (-counts[word], word))[:100]
    letters = {letter for word in common for letter in word}
    line = ", ".join(f"{word.title()}={counts[word]}" for word in common)
    assert len(counts) == len(SYLLABLES) ** 3 or len(counts) > 500
    assert len(letters) > 5 and line.count(",") == 99
