"""A representation of 60 million characters is cut, and says so."""
# expect: status=ok result~"^x{1000000}.*more characters\\)$" within=5


class Long:
    def __repr__(self):
        return "x" * 60_000_000


Long()
