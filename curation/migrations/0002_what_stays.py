"""What happened is appended and never changed: triggers refuse it to everybody, whatever the code does."""

from django.db import migrations

REFUSE = """
CREATE FUNCTION curation_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'Decisions are events: undo one by another, never by changing or deleting it.';
END $$;
CREATE TRIGGER decisions_are_events BEFORE UPDATE OR DELETE ON curation_decision
    FOR EACH ROW EXECUTE FUNCTION curation_refuse_change();

CREATE FUNCTION curation_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'Rows of % are never changed: what was asked and answered stays as it was.', TG_TABLE_NAME;
END $$;
CREATE TRIGGER calls_are_appended BEFORE UPDATE ON curation_call
    FOR EACH ROW EXECUTE FUNCTION curation_append_only();
CREATE TRIGGER prompt_versions_stay BEFORE UPDATE ON curation_promptversion
    FOR EACH ROW EXECUTE FUNCTION curation_append_only();
CREATE TRIGGER text_versions_stay BEFORE UPDATE ON curation_textversion
    FOR EACH ROW EXECUTE FUNCTION curation_append_only();
"""
ALLOW = """
DROP TRIGGER decisions_are_events ON curation_decision;
DROP TRIGGER calls_are_appended ON curation_call;
DROP TRIGGER prompt_versions_stay ON curation_promptversion;
DROP TRIGGER text_versions_stay ON curation_textversion;
DROP FUNCTION curation_refuse_change();
DROP FUNCTION curation_append_only();
"""


class Migration(migrations.Migration):
    replaces = [("curation", "0002_decisions_are_events")]

    dependencies = [("curation", "0001_tables")]

    operations = [migrations.RunSQL(REFUSE, ALLOW)]
