"""Fills in a page's template: everything from data is escaped, and an unknown name is an error."""

from typing import Any


def render(package: str, template: str, **values: Any) -> str:
    """Return the page that a template of `package` makes of `values`.

    Templates include `style.css.j2` for the common look. Equal values give equal bytes.

    Args:
        package: The package that the template lies in.
        template: Its file name.
        **values: What the template asks for; `chart` is always there.
    """
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    from playbill.page import chart

    environment = Environment(
        loader=ChoiceLoader([
            PackageLoader(package, package_path=""),
            PackageLoader("playbill.page", package_path=""),
        ]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )  # fmt: skip
    return environment.get_template(template).render(chart=chart, **values)
