from django.db import migrations

REFUSE = """
CREATE FUNCTION curation_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'Decisions are events: undo one by another, never by changing or deleting it.';
END $$;
CREATE TRIGGER decisions_are_events BEFORE UPDATE OR DELETE ON curation_decision
    FOR EACH ROW EXECUTE FUNCTION curation_refuse_change();
"""
ALLOW = """
DROP TRIGGER decisions_are_events ON curation_decision;
DROP FUNCTION curation_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("curation", "0001_initial")]

    operations = [migrations.RunSQL(REFUSE, ALLOW)]
