"""Home, the API's page and the admin as a person sees them, in a real Chromium."""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO

import pytest
from django.contrib.auth.models import User
from django.test import Client
from PIL import Image

from knowledgebase.models import Tip
from progressions.enums import JobStatus, StepStatus, VariantStatus
from progressions.models import ImageProgression, Job, Step
from progressions.vendors.local.delivery import LocalDelivery
from tests.browser.conftest import Watched
from tests.factories import JobFactory, ProgressionFactory, TipFactory, VariantFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

OpenPage = Callable[..., Watched]


def make_image(colour: str, width: int = 96, height: int = 64, **columns: object) -> ImageProgression:
    """A progression whose delivery image can be loaded."""
    out = BytesIO()
    Image.new("RGB", (width, height), colour).save(out, "WEBP")
    address = LocalDelivery().place(out.getvalue(), hashlib.sha256(out.getvalue()).hexdigest())
    image: ImageProgression = ProgressionFactory(
        generated_image_url=address, width=width, height=height, **columns
    )
    return image


@pytest.mark.parametrize("width", [360, 1440])
@pytest.mark.parametrize("dark", [False, True])
def test_home_fits_the_window_and_shows_every_image(open_page: OpenPage, width: int, dark: bool) -> None:
    long_word = "pneumonoultramicroscopicsilicovolcanoconiosis" * 3
    for colour, size, prompt in [
        ("teal", (96, 64), "a harbour"),
        ("coral", (64, 96), long_word),
        ("navy", (96, 24), "a long coast " * 30),
    ]:
        make_image(colour, *size, prompt=prompt, judgment="pass")
    home = open_page(width=width, dark=dark)
    home.open("/")
    assert home.overflow_px() == 0
    loaded = home.page.eval_on_selector_all(
        ".gallery img", "images => images.map(image => [image.complete, image.naturalWidth])"
    )
    assert loaded == [[True, 96], [True, 64], [True, 96]]
    assert (home.faults, home.foreign) == ([], [])


@pytest.mark.parametrize("width", [360, 1440])
def test_home_without_images_fits_the_window(open_page: OpenPage, width: int) -> None:
    home = open_page(width=width)
    home.open("/")
    assert home.overflow_px() == 0
    assert home.page.get_by_role("heading", name="Make the first image").is_visible()
    assert home.faults == []


def test_the_api_page_renders_without_requests_to_other_hosts(open_page: OpenPage) -> None:
    docs = open_page()
    docs.open("/api/docs")
    docs.page.wait_for_selector(".opblock")
    assert docs.page.locator(".opblock").count() > 10
    assert (docs.faults, docs.foreign) == ([], [])


def test_staff_sign_in_and_find_every_app(open_page: OpenPage, admin_user: User) -> None:
    admin = open_page()
    admin.open("/admin/")
    admin.page.fill("#id_username", "admin")
    admin.page.fill("#id_password", "password")
    admin.page.click("[type=submit]")
    admin.page.wait_for_url("**/admin/")
    assert admin.page.locator("#site-name").inner_text() == "Dali"
    for name in ("Projects", "API keys", "Jobs", "Image progressions", "Tips", "Artifacts"):
        assert admin.page.locator("#content").get_by_role("link", name=name, exact=True).first.is_visible()
    assert (admin.faults, admin.foreign) == ([], [])


def test_a_tip_is_switched_off_in_the_list(open_page: OpenPage, admin_client: Client) -> None:
    TipFactory(key="mock.coast", value={"addition": "distant gulls"})
    tips = open_page(client=admin_client)
    tips.open("/admin/knowledgebase/tip/")
    switch = tips.page.locator("tr:has-text('mock.coast') input[type=checkbox][name$=enabled]")
    assert switch.is_checked()
    switch.uncheck()
    tips.page.get_by_role("button", name="Save").click()
    tips.page.wait_for_selector(".messagelist .success")
    assert not Tip.objects.get().enabled
    assert not switch.is_checked()
    assert (tips.faults, tips.foreign) == ([], [])


def test_a_prompt_is_previewed(open_page: OpenPage, admin_client: Client) -> None:
    TipFactory(key="mock.coast", value={"addition": "distant gulls", "keywords": ["lighthouse"]})
    preview = open_page(client=admin_client)
    preview.open("/admin/knowledgebase/tip/")
    preview.page.get_by_role("link", name="Preview a prompt").click()
    preview.page.fill("#id_prompt", "a red lighthouse")
    preview.page.get_by_role("button", name="Preview").click()
    preview.page.wait_for_url("**/preview/?prompt=a+red+lighthouse**")
    said = preview.page.locator("#preview-mock .prompt")
    assert said.inner_text() == "a red lighthouse, distant gulls"
    assert said.locator("ins").inner_text().strip(", ") == "distant gulls"
    assert (preview.faults, preview.foreign) == ([], [])


def job_with_steps() -> Job:
    job: Job = JobFactory(status=JobStatus.COMPLETE, remaining=0)
    image = make_image("teal", project=job.project, job=job)
    variant = VariantFactory(job=job, status=VariantStatus.COMPLETE, progression=image, attempts=1)
    for number, (name, ms) in enumerate([("refine", 5), ("generate", 1500), ("judge", 200)]):
        started = job.created_at + timedelta(milliseconds=800 * number)
        Step.objects.create(owner_id=variant.pk, name=name, status=StepStatus.OK, started_at=started, ms=ms)
    return job


@pytest.mark.parametrize("width", [360, 1440])
def test_the_page_of_a_job_shows_its_steps(open_page: OpenPage, admin_client: Client, width: int) -> None:
    job = job_with_steps()
    page = open_page(client=admin_client, width=width)
    page.open(f"/admin/progressions/job/{job.pk}/change/")
    rows = page.page.locator(".variant .timeline tr")
    assert [row.split() for row in rows.all_inner_texts()] == [
        ["refine", "5", "ms"],
        ["generate", "1.5", "s"],
        ["judge", "200", "ms"],
    ]
    bars = page.page.eval_on_selector_all(
        ".variant rect", "bars => bars.map(bar => Math.round(bar.getBoundingClientRect().width))"
    )
    assert bars[1] > bars[2] > bars[0] > 0
    assert page.page.locator(".variant-image img").evaluate("image => image.naturalWidth") == 96
    assert page.overflow_px() == 0
    assert (page.faults, page.foreign) == ([], [])


LISTS = [
    "artifacts/artifact",
    "artifacts/artifactview",
    "knowledgebase/tip",
    "progressions/event",
    "progressions/imageprogression",
    "progressions/job",
    "progressions/step",
    "progressions/upload",
    "progressions/variant",
    "projects/apikey",
    "projects/project",
]


@pytest.mark.parametrize("dark", [False, True])
def test_no_list_of_the_admin_violates_its_content_security_policy(
    open_page: OpenPage, admin_client: Client, dark: bool
) -> None:
    job_with_steps()
    page = open_page(client=admin_client, dark=dark)
    for address in LISTS:
        page.open(f"/admin/{address}/")
        assert page.overflow_px() == 0, address
        assert (page.faults, page.foreign) == ([], []), address


def test_a_new_api_key_is_shown_to_its_creator(open_page: OpenPage, admin_client: Client) -> None:
    keys = open_page(client=admin_client)
    keys.open("/admin/projects/apikey/add/")
    keys.page.fill("#id_name", "laptop")
    keys.page.get_by_role("button", name="Save", exact=True).click()
    shown = keys.page.locator(".messagelist code.key")
    assert len(shown.inner_text().partition(".")[2]) >= 32
    assert (keys.faults, keys.foreign) == ([], [])
