"""Videos and folders of images -> frames with their times, and transforms that move the joints too."""

from stagescore.media.export import export_frames
from stagescore.media.info import Clip, MediaInfo
from stagescore.media.sampling import sample_indices
from stagescore.media.source import Media, inspect_media, open_media

__all__ = ["Clip", "Media", "MediaInfo", "export_frames", "inspect_media", "open_media", "sample_indices"]
