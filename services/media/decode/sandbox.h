// What a decoder that a stranger's file has taken over can still do: compute, and answer. It reads nothing that it was
// not given, reaches nobody, and starts nothing of its own choice.
//
//   ForPictures: memory, the descriptors that are open, the end; any other system call kills. Whatever decoding needs
//                of the machine (libraries, plug-ins) has to be loaded before.
//   ForVoices:   what it takes to start ffmpeg and to be it; any other system call fails with ENOSYS. Of the machine's
//                files it reads libraries alone, where the kernel has Landlock (landlock.h).
//
// For all threads of this process and whatever it starts, for good. False: it could not be shut in, which containers
// may cause, and nothing may be decoded.
#pragma once

namespace civicmesh::media {

bool ShutInForPictures();
bool ShutInForVoices();

}  // namespace civicmesh::media
