import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("curation", "0003_people_and_queue_order"),
    ]

    operations = [
        migrations.CreateModel(
            name="WorkerHeartbeat",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=200, unique=True)),
                ("version", models.CharField(max_length=40)),
                (
                    "beaten_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), help_text="by the database's clock"
                    ),
                ),
            ],
        ),
    ]
