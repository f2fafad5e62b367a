"""A window that shows what comes in on standard input, in a process of its own; it says `+` when it is there.

Each picture is 4 bytes, its length, and a PPM file. The window goes when its input ends, or when somebody closes it.
This is run as a file of its own, so that it needs nothing but Python's own tkinter.
"""

import os
import sys
import tkinter

LENGTH = 4  # bytes, the highest first


def main(title: str) -> None:
    root = tkinter.Tk()
    root.title(title)
    screen = tkinter.Label(root, background="black")
    screen.pack()

    def take(pipe: object, mask: int) -> None:
        body = read(int.from_bytes(read(LENGTH), "big"))
        if not body:
            root.destroy()
            return
        picture = tkinter.PhotoImage(data=body, format="PPM")
        screen.configure(image=picture)
        screen.picture = picture  # type: ignore[attr-defined]  # which Tk does not keep

    root.tk.createfilehandler(sys.stdin, tkinter.READABLE, take)
    root.update()
    os.write(sys.stdout.fileno(), b"+")
    root.mainloop()


def read(length: int) -> bytes:
    """So many bytes; fewer at the end of the input."""
    body = b""
    while len(body) < length and (more := os.read(sys.stdin.fileno(), length - len(body))):
        body += more
    return body


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except tkinter.TclError as error:
        sys.exit(str(error))
