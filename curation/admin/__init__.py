"""The dataset managers' panel, on django-unfold. Importing it registers every list with `site.site`."""

from curation.admin import generating, language_models, people, projects, queues, working  # noqa: F401  each registers its lists
