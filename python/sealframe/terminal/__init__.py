"""The paying terminal, an application on top of the core: capture, seal, pay, show.

    camera/               where frames come from, whether one is good enough to seal, its JPEG
    frame_selector        which frame is sealed
    link                  bytes to the server, bytes back
    clock                 the server's time, learnt from signed answers alone
    drawn_counter         a capture's number, drawn before the capture is sealed
    journal               payments that have no end yet, on the disk before anything of them leaves
    send_worker           one request on its way, in a thread of its own
    exchange              one request: sealed, kept, sent, sent again, its signed answer
    states                what the terminal shows: states, reasons, choices
    events                what leads from one to the next
    outcomes              what follows an answer: the table of every code
    transitions           what may follow: a pure state machine
    pauses                how long the terminal waits
    session               the payment under way: what is shown of it, how it ends
    entry                 the amount and the account as a person types them
    payment_flow          the way a payment goes, from the amount to its end
    resolver              how a payment ended whose answer is missing
    payment_controller    one terminal, payment after payment
    enrolment             a face to the server, by an operator
    screen/               the page, the text screen, their words
    latency, latency_plot where the time of a capture goes
    launch                all of it put together, until told to stop

It never imports the server.
"""
