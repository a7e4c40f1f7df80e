"""The shippable: model, contract, profile, card and server in one verified folder."""
