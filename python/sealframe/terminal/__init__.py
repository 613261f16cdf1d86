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
    states        what the terminal shows: states, reasons, choices
    events        what leads from one to the next
    outcomes      what follows an answer: the table of every code
    transitions   what may follow: a pure state machine
    board         what stands before the person now
    pauses        how long the terminal waits
    session       the payment under way: what is shown of it, how it ends
    entry         the amount and the account as a person types them
    frame_selector which frame is sealed
    payment_flow  the way a payment goes, from the amount to its end
    resolver      how a payment ended whose answer is missing
    cashier       one terminal, payment after payment
    enrol         a face to the server, by an operator
    text_screen   the states as text
    local_http    HTTP for one page on this computer: who may ask
    view, page, static    the states as that page
    words         which text stands for what; `screen/translations` has the texts, a catalogue for each language
    latency, latency_plot where the time of a capture goes

It never imports the server.
"""
