"""json: a document made, written, read and changed."""

import json


def main():
    document = {"people": [
        {"id": i, "name": f"person {i}", "tags": ["a", "b", str(i % 7)], "score": i / 3, "active": i % 2 == 0, "none": None}
        for i in range(2000)
    ]}
    for _ in range(12):
        text = json.dumps(document, indent=None)
        document = json.loads(text)
        document["people"].sort(key=lambda person: -person["score"])
    assert document["people"][0]["id"] == 1999
