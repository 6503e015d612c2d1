"""The plan ranker: which of the plans a customer may have would they accept?"""
