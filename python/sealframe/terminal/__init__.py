"""The paying terminal, an application on top of the core: capture, seal, pay, show.

    source        frames from a camera, the browser, a video or a folder
    quality       which of them is good enough to seal, and the guide oval
    jpeg          the frame as it is sealed and shown
    link          bytes to the server, bytes back
    clock         the server's time, learnt from signed answers alone
    drawn_counter a capture's number, drawn before the capture is sealed
    journal       payments that have no end yet, on the disk before anything of them leaves
    delivery      one request on its way, in a thread of its own
    exchange      one request: sealed, kept, sent, sent again, its signed answer
    states        what the terminal shows, and what may follow: pure
    board         what stands before the person now
    cashier       one payment at a time, from the amount to the receipt
    enrolment     a face to the server, by an operator
    text_screen   the states as text
    local_http    HTTP for one page on this computer: who may ask
    view, page, static    the states as that page
    words, money  every sentence in two languages, amounts as people write them
    latency, latency_plot where the time of a capture goes
    launch        all of it put together, until told to stop

It never imports the server.
"""
