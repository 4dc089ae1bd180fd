"""What a graph streams, on its way to the bridge: each event once, in an order that a crash cannot break."""
