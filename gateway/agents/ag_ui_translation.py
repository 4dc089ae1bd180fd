def translated(values, body):
    return None
