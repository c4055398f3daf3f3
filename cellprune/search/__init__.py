"""The highest ratio that costs no IoU: proposed by a search, claimed by a confirmation, with the evidence for both."""
