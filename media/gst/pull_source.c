/*
 * pull_source.c: the GstBaseSrc over a media_source.
 *
 * Responsible for passing reads, unlocks and the first error; for nothing that the bytes mean.
 */
#include "media/gst/pull_source.h"

#include "common/error.h"
#include "media/gst/layout.h"

#include <assert.h>
#include <errno.h>
#include <gst/base/gstbasesrc.h>
#include <gst/gst.h>
#include <stddef.h>
#include <unistd.h>

struct pull_source {
    GstBaseSrc parent;
    struct media_source source;
    bool skip_id3;
    guint64 skipped; /* bytes of tags; known once skip_id3 is false */
    gint error;      /* atomic: the first of read_at's */
};

struct pull_source_class {
    GstBaseSrcClass parent_class;
};

typedef struct pull_source PullSource;
typedef struct pull_source_class PullSourceClass;

static GType pull_source_get_type(void);
G_DEFINE_TYPE(PullSource, pull_source, GST_TYPE_BASE_SRC)

static GstStaticPadTemplate source_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);

static PullSource *from_element(void *element)
{
    assert(G_TYPE_CHECK_INSTANCE_TYPE(element, pull_source_get_type()));
    return (PullSource *)element;
}

static gboolean source_is_seekable(GstBaseSrc *base)
{
    (void)base;
    return TRUE;
}

static gboolean source_get_size(GstBaseSrc *base, guint64 *ret_size)
{
    *ret_size = from_element(base)->source.bytes;
    return TRUE;
}

static GstFlowReturn flow_of(PullSource *self, int error)
{
    if (error == 0) {
        return GST_FLOW_OK;
    }
    if (error == ERROR_CANCELLED) {
        return GST_FLOW_FLUSHING;
    }
    (void)g_atomic_int_compare_and_exchange(&self->error, 0, error);
    return GST_FLOW_ERROR;
}

/* Fills a mapped buffer. GStreamer's flow code. */
static GstFlowReturn read_into(PullSource *self, guint64 offset, GstBuffer *buffer, guint bytes)
{
    GstMapInfo map;
    if (!gst_buffer_map(buffer, &map, GST_MAP_WRITE)) {
        return flow_of(self, ERROR_NO_MEMORY);
    }
    int error = self->source.read_at(self->source.context, offset, map.data, bytes);
    gst_buffer_unmap(buffer, &map);
    return flow_of(self, error);
}

/* Finds out, with the first read, how many bytes of tags are passed over. */
static GstFlowReturn skip_tags(PullSource *self)
{
    if (!self->skip_id3) {
        return GST_FLOW_OK;
    }
    uint64_t bytes = 0;
    GstFlowReturn flow = flow_of(self, layout_id3_bytes(&self->source, 0, &bytes));
    if (flow == GST_FLOW_OK) {
        self->skip_id3 = false;
        self->skipped = bytes;
    }
    return flow;
}

static GstFlowReturn source_create(GstBaseSrc *base, guint64 offset, guint bytes,
                                   GstBuffer **ret_buffer)
{
    PullSource *self = from_element(base);
    GstFlowReturn flow = skip_tags(self);
    if (flow != GST_FLOW_OK) {
        return flow;
    }
    guint64 left = self->source.bytes > self->skipped ? self->source.bytes - self->skipped : 0;
    if (offset >= left) {
        return GST_FLOW_EOS;
    }
    if (bytes > left - offset) {
        bytes = (guint)(left - offset);
    }
    GstBuffer *buffer = gst_buffer_new_allocate(NULL, bytes, NULL);
    if (buffer == NULL) {
        return flow_of(self, ERROR_NO_MEMORY);
    }
    flow = read_into(self, self->skipped + offset, buffer, bytes);
    if (flow != GST_FLOW_OK) {
        gst_buffer_unref(buffer);
        return flow;
    }
    GST_BUFFER_OFFSET(buffer) = offset;
    GST_BUFFER_OFFSET_END(buffer) = offset + bytes;
    *ret_buffer = buffer;
    return GST_FLOW_OK;
}

static gboolean source_unlock(GstBaseSrc *base)
{
    const struct media_source *source = &from_element(base)->source;
    if (source->unlock != NULL) {
        source->unlock(source->context);
    }
    return TRUE;
}

static gboolean source_unlock_stop(GstBaseSrc *base)
{
    const struct media_source *source = &from_element(base)->source;
    if (source->unlock_stop != NULL) {
        source->unlock_stop(source->context);
    }
    return TRUE;
}

static void pull_source_class_init(PullSourceClass *class)
{
    GstBaseSrcClass *base = &class->parent_class;
    base->is_seekable = source_is_seekable;
    base->get_size = source_get_size;
    base->create = source_create;
    base->unlock = source_unlock;
    base->unlock_stop = source_unlock_stop;
    gst_element_class_add_static_pad_template(GST_ELEMENT_CLASS(class), &source_template);
    gst_element_class_set_static_metadata(GST_ELEMENT_CLASS(class), "Pull source", "Source",
                                          "Random access over a callback", "Refrain");
}

static void pull_source_init(PullSource *self)
{
    gst_base_src_set_format(GST_BASE_SRC(self), GST_FORMAT_BYTES);
    gst_base_src_set_dynamic_size(GST_BASE_SRC(self), FALSE);
}

struct _GstElement *media_pull_source_new(const struct media_source *source, bool skip_id3)
{
    assert(source->bytes > 0 && source->read_at != NULL);
    PullSource *self = g_object_new(pull_source_get_type(), NULL);
    self->source = *source;
    self->skip_id3 = skip_id3;
    return GST_ELEMENT(self);
}

int media_pull_source_error(struct _GstElement *element)
{
    return g_atomic_int_get(&from_element(element)->error);
}

static int fd_read_at(void *context, uint64_t offset, void *buffer, uint32_t bytes)
{
    int fd = *(const int *)context;
    uint32_t done = 0;
    while (done < bytes) {
        ssize_t count = pread(fd, (uint8_t *)buffer + done, bytes - done, (off_t)(offset + done));
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return ERROR_IO;
        }
        done += (uint32_t)count;
    }
    return 0;
}

struct media_source media_fd_source(const int *fd, uint64_t bytes)
{
    return (struct media_source){
        .bytes = bytes, .read_at = fd_read_at, .context = (void *)(uintptr_t)fd};
}
