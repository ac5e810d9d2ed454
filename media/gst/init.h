/*
 * init.h: GStreamer, started as fast as it can be.
 *
 * The usual gst_init() reads the registry of every installed plugin and looks at each file of the
 * plugin folders before it returns. A player needs three plugins. So the registry is left out,
 * and the plugins that a chain needs are loaded by file name when the chain is made
 * (docs/MEDIA.md has the figures). Elements that our table does not know are found by a full scan,
 * once. Where the plugin folder of build time does not exist, the usual registry is used.
 *
 * Everything here may be called from any thread, at any time after main() began.
 */
#ifndef MEDIA_GST_INIT_H
#define MEDIA_GST_INIT_H

#include "media/core/manifest.h"

/* Starts GStreamer's core; cheap when done already. ERROR_SYSTEM: it did not start.
 * When the environment names plugin folders (GST_PLUGIN_PATH, GST_PLUGIN_SYSTEM_PATH, or their
 * _1_0 forms), the usual registry is used. Sets a variable of the environment for a moment: call it
 * first before other threads read the environment. */
int media_gst_init(void);

/* Makes sure that an element of this name can be made, as "vorbisdec"; starts the core if need be.
 * ERROR_UNSUPPORTED: no installed plugin has it. ERROR_SYSTEM: the core did not start. */
int media_gst_need(const char *element);

/* Makes sure that GStreamer can tell what pictures in tags are: for the probe. Without, decks start
 * faster. Errors as media_gst_need. */
int media_gst_need_typefind(void);

/* Loads what a deck for this kind of file needs, so that the deck opens faster: for a thread that
 * has time while the first bytes travel. Errors as media_gst_need. */
int media_gst_warm(enum media_container container, enum media_codec codec);

#endif
