"""Libraries of others that the page uses, as they were published; `refresh.py` fetches them."""
