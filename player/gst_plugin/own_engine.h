/*
 * own_engine.h: an engine inside the process of whoever uses the plug-in, on a thread of its own.
 *
 * One a process, shared by all elements; it lives while somebody holds it, and owns the state folder's
 * lock meanwhile. It serves a gateway (player/gateway), through which the elements read, and a control
 * socket, so that other programs find it ("gateway" and "status").
 *
 * It takes from peers and gives nothing: rules for giving (battery, metered lines) are the daemon's.
 */
#ifndef PLAYER_GST_PLUGIN_OWN_ENGINE_H
#define PLAYER_GST_PLUGIN_OWN_ENGINE_H

#include "player/gst_plugin/place.h"

/* Starts it for this origin, or holds the one that runs: then `origin` is passed over. Waits until it
 * serves. 0 and where the gateway's tracks are; ERROR_BUSY: another process has the state folder;
 * others with a sentence in ret_text. Any thread. */
int own_engine_hold(const char *origin, char ret_tracks[PLACE_URL_BYTES],
                    char ret_text[PLACE_TEXT_BYTES]);
/* Each hold once. The last one ends it, and waits for that. */
void own_engine_release(void);

#endif
