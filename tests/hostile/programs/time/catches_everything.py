"""Catches whatever is raised, at every depth, and goes on."""
# option: --timeout 1
# expect: status=timeout exit=124 least=1.9 within=3 stdout~"^caught TimeoutError\n(caught|$)"


def stay():
    while True:
        try:
            while True:
                pass
        except BaseException as error:
            print("caught", type(error).__name__)
        finally:
            continue


while True:
    try:
        stay()
    except BaseException:
        pass
