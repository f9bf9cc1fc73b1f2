"""An event loop that is never idle and whose tasks cannot be cancelled."""
# option: --timeout 1
# expect: status=timeout exit=124 least=1 within=3
import asyncio


async def stay():
    while True:
        try:
            await asyncio.sleep(0)
        except BaseException:
            pass


async def main():
    await asyncio.gather(*(stay() for _ in range(100)))


asyncio.run(main())
