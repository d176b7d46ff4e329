"""How long a network takes on a device: a roofline of each kernel, with a few coefficients."""
