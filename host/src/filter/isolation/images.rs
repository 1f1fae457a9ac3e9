//! The image that exchanges start from, and those that came before it.
//!
//! Callbacks of the plugin's own context change what the plugin is: what they leave is the next image. Exchanges under way
//! end on the image they began with, and each image is a copy of a guest's memory; so there are only so many at a time, and
//! what comes meanwhile waits.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use arc_swap::{ArcSwap, Guard};

use super::image::Image;

/// Images that exchanges may have at a time. A filter that ticks ten times a second, for whose exchanges an origin takes
/// half a second, has as many.
const PUBLISHED_MAX: usize = 8;

pub(in crate::filter) struct Images {
    /// The names under which mutable globals are exported.
    pub(in crate::filter) names: Arc<[String]>,
    /// A load costs a few nanoseconds and no lock.
    current: ArcSwap<Image>,
    latest: Mutex<Latest>,
}

struct Latest {
    image: Arc<Image>,
    /// All that exchanges may have.
    published: Vec<Weak<Image>>,
}

impl Images {
    pub(in crate::filter) fn new(image: Arc<Image>, names: Arc<[String]>) -> Self {
        let latest = Latest { image: image.clone(), published: vec![Arc::downgrade(&image)] };
        Self { names, current: ArcSwap::new(image), latest: Mutex::new(latest) }
    }

    /// What an exchange starts from.
    pub(in crate::filter) fn current(&self) -> Guard<Arc<Image>> {
        self.current.load()
    }

    /// What the plugin's own context is now.
    pub(in crate::filter) fn latest(&self) -> Arc<Image> {
        self.latest_locked().image.clone()
    }

    /// The plugin's own context is this now; exchanges are given it as soon as may be.
    pub(in crate::filter) fn advance(&self, image: Image) {
        self.latest_locked().image = Arc::new(image);
        self.publish();
    }

    /// Whether exchanges have the latest image from now on.
    pub(in crate::filter) fn publish(&self) -> bool {
        let mut latest = self.latest_locked();
        if Arc::ptr_eq(&latest.image, &self.current.load()) {
            return true;
        }
        latest.published.retain(|image| image.strong_count() > 0);
        if latest.published.len() >= PUBLISHED_MAX {
            return false;
        }
        let image = latest.image.clone();
        latest.published.push(Arc::downgrade(&image));
        self.current.store(image);
        true
    }

    fn latest_locked(&self) -> MutexGuard<'_, Latest> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(byte: u8) -> Image {
        Image::take(&[byte; 65_536], Box::new([])).unwrap()
    }

    #[test]
    fn images_that_exchanges_hold_are_bounded_and_the_latest_comes_when_there_is_room() {
        let images = Images::new(Arc::new(image(0)), Arc::new([]));
        let mut held = Vec::new();
        for byte in 1..20 {
            held.push(images.current().clone());
            images.advance(image(byte));
        }
        assert_eq!(images.latest().memory()[0], 19);
        let current = images.current().memory()[0];
        assert_eq!(usize::from(current), PUBLISHED_MAX - 1);
        assert!(!images.publish());
        held.remove(0);
        assert!(images.publish());
        assert_eq!(images.current().memory()[0], 19);
    }

    #[test]
    fn what_nobody_holds_makes_room_at_once() {
        let images = Images::new(Arc::new(image(0)), Arc::new([]));
        for byte in 1..100 {
            images.advance(image(byte));
            assert_eq!(images.current().memory()[0], byte);
        }
    }
}
