"""The paying terminal, an application on top of the core: capture, seal, pay, show.

    source        frames from a camera, a video or a folder
    quality       which of them is good enough to seal, and the guide oval
    states        what the terminal shows, and what may follow: pure
    journal       what was sent and not yet answered, on the disk before it leaves
    link          bytes to the server, bytes back
    clock         the server's time, learnt from signed answers alone
    cashier       one payment at a time, from the amount to the receipt
    text_screen   the states as text
    words, money  every sentence in two languages, amounts as people write them

It never imports the server.
"""
