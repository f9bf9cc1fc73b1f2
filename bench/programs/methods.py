"""Method calls and inheritance: a small simulation of a bank."""


class Account:
    def __init__(self, owner):
        self.owner = owner
        self.balance = 0

    def deposit(self, amount):
        self.balance += self.after_fee(amount)

    def after_fee(self, amount):
        return amount - self.fee(amount)

    def fee(self, amount):
        return 1

    @property
    def is_rich(self):
        return self.balance > 1000


class Savings(Account):
    def fee(self, amount):
        return 0 if amount > 10 else super().fee(amount)


def main():
    accounts = [Account("a"), Savings("b"), Account("c"), Savings("d")]
    rich = 0
    for step in range(220000):
        account = accounts[step & 3]
        account.deposit(step % 23)
        rich += account.is_rich
    assert rich > 0
