"""What tracing costs: this project and its peers, side by side in one run.

``make bench`` runs all of it. Nothing here is asserted but the shape of the results: figures of one
machine mean little, ratios within one run mean what the report says.
"""
